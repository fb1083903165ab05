"""The page "Bring your own results": every command on it works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import format_files as files
import pandas as pd
import pytest
from apprehend.benchmark.importers.importer import importers
from format_files import Answers
from helpers import ROOT, in_process

PAGE = (ROOT / "docs" / "bring_your_own_results.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    command
    for block in BLOCKS
    for command in re.split(r"\n(?=apprehend)", block.replace("\\\n", " ").strip())
]
WRITERS = (
    files.table, files.key, files.lm_eval, files.lm_eval_generated, files.mmlu_pro, files.openai,
    files.vllm, files.opencompass, files.lighteval, files.helm, files.inspect_eval,
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: " ".join(c.split())[17:70])
def test_a_command_works_as_it_stands_there(tmp_path: Path, command: str) -> None:
    answers = Answers.made()
    for write in WRITERS:
        write(tmp_path, answers)
    words = shlex.split(command)
    assert words.pop(0) == "apprehend"
    done = in_process(words, tmp_path)
    assert done.returncode == 0, done.stderr
    assert ("--dry_run" in words) != (tmp_path / "results").exists()
    for file in tmp_path.glob("results/*/*/scores.parquet"):
        questions = pd.read_parquet(file).drop_duplicates("question_id")
        assert questions.correct.mean() == pytest.approx(1 - answers.wrong.mean(), abs=1e-9)


def test_every_format_has_a_command() -> None:
    assert {command.split()[2] for command in COMMANDS} == importers().keys()
