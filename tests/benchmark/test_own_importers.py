"""Importers in files of one's own: loaded by name, checked before anything is stored."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark import (
    ApprehendError,
    ImportedQuestion,
    Recording,
    UsageError,
    check_importer,
    load_importer,
)
from apprehend.benchmark.importers.own.importer_contract import checked_recordings
from apprehend.estimators import Signal
from apprehend.tasks import LETTERS
from helpers import Done, in_process
from sklearn.metrics import roc_auc_score

IMPORTER = """
import json
from apprehend.benchmark import ApprehendError, ImportedQuestion, Importer, Recording, Typed
from apprehend.benchmark import one_file
from apprehend.estimators import Signal

def read(paths, options):
    file = one_file(paths)
    questions = []
    for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), 1):
        try:
            row = json.loads(line)
            questions.append(ImportedQuestion(
                str(row["n"]), row["about"], row["said"], gold=row["right"],
                scores={"doubt": row["doubt"] * options["factor"]}, place=f"line {number}"))
        except (KeyError, TypeError, ValueError) as error:
            raise ApprehendError(f"{file}, line {number}: {error}") from error
    yield Recording([file], Signal.ANSWER, questions)

MINE = Importer(name="mine", summary="Rows of mine.", files="A file.", read=read, task="quiz",
                options={"factor": Typed("Scale of the doubt.", float, 1.0)},
                recognizes=lambda path: path.suffix == ".mine", rank=1)
"""
RNG = np.random.default_rng(5)
N = 40
GOLD, SAID, DOUBT = RNG.integers(0, 4, N), RNG.integers(0, 4, N), RNG.random(N)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(IMPORTER, encoding="utf-8")
    rows = [
        {"n": k, "about": "law", "said": int(SAID[k]), "right": int(GOLD[k]), "doubt": DOUBT[k]}
        for k in range(N)
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "answers.mine").write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, *words: object) -> Done:
    return in_process(["import", "mine.py:MINE", "answers.mine", "--model", "m", *words], folder)


def test_its_answers_are_stored_and_reported(folder: Path) -> None:
    done = run(folder, "--factor", 2, "--output_path", "results")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(folder / "results" / "m" / "quiz" / "scores.parquet")
    doubt = table[table.estimator == "doubt"].sort_values(
        "question_id", key=lambda s: s.astype(int)
    )
    np.testing.assert_allclose(doubt.score, 2 * DOUBT)
    assert (doubt.correct.to_numpy(bool) == (SAID == GOLD)).all()
    manifest = json.loads((folder / "results" / "m" / "quiz" / "manifest.json").read_text())
    assert manifest["imported"]["kind"] == "mine"
    assert manifest["imported"]["importer"] == "mine.py"
    assert len(manifest["imported"]["importer_sha256"]) == 64
    reported = in_process(["report", "results"], folder)
    assert reported.returncode == 0, reported.stderr
    (metrics,) = folder.rglob("metrics.csv")
    pooled = pd.read_csv(metrics).query("estimator == 'doubt' and topic == 'all'")
    assert pooled.roc_auc.item() == pytest.approx(roc_auc_score(SAID != GOLD, DOUBT), abs=1e-12)


def test_dry_run_and_help_work_as_for_others(folder: Path) -> None:
    shown = run(folder, "--dry_run")
    assert shown.returncode == 0, shown.stderr
    assert f"{N} rows" in shown.stdout
    assert not (folder / "results").exists()
    helped = in_process(["import", "mine.py:MINE", "--help"], folder)
    assert "--factor" in helped.stdout
    assert "Rows of mine." in helped.stdout


def test_the_check_passes_and_finds_what_is_wrong(folder: Path) -> None:
    done = in_process(["check", "importer", "mine.py:MINE", "answers.mine"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    careless = IMPORTER.replace("except (KeyError, TypeError, ValueError)", "except (KeyError)")
    (folder / "mine.py").write_text(careless, encoding="utf-8")
    done = in_process(["check", "importer", "mine.py:MINE", "answers.mine"], folder)
    assert done.returncode == 1
    assert "first: damaged files: a file that is" in done.stderr
    greedy = IMPORTER.replace('path.suffix == ".mine"', "True")
    (folder / "mine.py").write_text(greedy, encoding="utf-8")
    outcomes = check_importer(
        load_importer(f"{folder / 'mine.py'}:MINE", False), [folder / "answers.mine"]
    )
    assert [o.check for o in outcomes if o.status == "failed"] == ["leaves other files"]


def test_built_in_importers_pass_the_check(tmp_path: Path) -> None:
    import format_files as files

    answers = files.Answers.made()
    files.lm_eval(tmp_path, answers)
    key = files.key(tmp_path, answers)
    samples = next(iter(tmp_path.rglob("samples_*.jsonl")))
    for name, sample, options in (
        ("lm-eval", samples, {}),
        ("vllm", files.vllm(tmp_path, answers), {"gold": key}),
        ("openai", files.openai(tmp_path, answers), {"gold": key}),
    ):
        done = check_importer(load_importer(name), [sample], options)
        assert not [outcome for outcome in done if outcome.status == "failed"], name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("MINE = Importer", "OTHER = Importer"), "has no importer 'MINE', importers in it: OTHER"),
        (('name="mine"', 'name="My Importer"'), "expected `name` to be lower-case letters"),
        (('"factor": Typed("Scale', '"model": Typed("Scale'), "option 'model': expected a name"),
        (("import json", "import jsonn"), "cannot be run: ModuleNotFoundError"),
        (('row["said"]', '9 + row["said"]'), ""),
        (('row["said"]', '40 + row["said"]'), "line 1: expected `answer` to be from 0 to"),
        (('str(row["n"])', '"same"'), "line 2: duplicate id 'same', first line 1"),
        (
            ("yield Recording", "yield 3 or Recording"),
            "expected `read` to give recordings, got int",
        ),
        (('str(row["n"])', 'row["n"]'), "expected `question_id` to be a text, got 0"),
        (("file = one_file(paths)", "file = paths[7]"), "failed on answers.mine: IndexError"),
        (("    yield Recording", "    return\n    yield Recording"), "read no answers"),
    ],
)
def test_a_wrong_importer_is_refused_in_one_line(
    folder: Path, change: tuple[str, str], message: str
) -> None:
    changed = IMPORTER.replace(*change)
    assert changed != IMPORTER
    (folder / "mine.py").write_text(changed, encoding="utf-8")
    done = run(folder, "--output_path", "results")
    if not message:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "results").exists()


def question(**fields: object) -> ImportedQuestion:
    usual: dict[str, object] = {"question_id": "1", "topic": "law", "answer": 0, "gold": 1}
    return ImportedQuestion(**{**usual, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"correct": True}, "`correct` is True, but `answer` is 0 and `gold` is 1"),
        ({"correct": "no"}, "expected `correct` to be True, False or None, got 'no'"),
        ({"option_logprobs": [0.5, 0.4]}, "whose sum is at most 1, got a sum of 3.14"),
        ({"option_logprobs": [-1.0, math.nan]}, "got a sum of nan"),
        ({"option_logprobs": [-math.inf] * 2}, "no option of `option_logprobs`"),
        (
            {"option_logprobs": [-1.0, -1.0], "options": ["a", "b", "c"]},
            "2 `option_logprobs` for 3",
        ),
        ({"scores": {"s": "0.3"}}, "expected score 's' to be a number"),
        ({"topic": ""}, "expected `topic` to be a text"),
        ({"status": "parsed!"}, "expected `status` to be a Status or None"),
        ({"gold": 2, "options": ["a", "b"]}, "expected `gold` to be from 0 to 1, got 2"),
    ],
)
def test_what_a_recording_promises_is_checked(fields: dict[str, object], message: str) -> None:
    given = Recording([Path("x.json")], Signal.ANSWER, [question(**fields)])
    with pytest.raises(ApprehendError, match=r"importer 'mine': x\.json, question 1: ") as error:
        checked_recordings("mine", [given])
    assert message in str(error.value)


def test_an_outcome_follows_from_answer_and_right_option() -> None:
    more = ({"answer": 1}, {"answer": None}, {"gold": None})
    asked = [question(), *(question(question_id=str(k), **m) for k, m in enumerate(more, 2))]
    (checked,) = checked_recordings("m", [Recording([Path("x")], Signal.ANSWER, asked)])
    assert [one.correct for one in checked.questions] == [False, True, False, None]


def test_letters_are_indices_and_unknown_importers_are_named() -> None:
    assert LETTERS.index("C") == 2
    with pytest.raises(UsageError, match=r"importer 'nothing': expected path/to/file\.py:NAME"):
        load_importer("nothing")
