"""vLLM itself, its build for CPUs, on the embedded model: the same numbers as the hf engine's.

``make test-engines`` installs what this needs. Every start of vLLM takes most of a minute.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import rows
from vllm_runs import CLOSE, MODEL, apart, arguments, clean, hf, needs_vllm, vllm, with_vllm

pytestmark = needs_vllm

DIRECT = ("mmlu_pro_direct", "mmlu_pro_direct_numbered", "mmlu_pro_direct_dont_know")
TASKS = ",".join(f"{family}_{topic}" for family in (*DIRECT, "mmlu_pro_cot")
                 for topic in ("law", "math"))  # fmt: skip
ESTIMATORS = (
    "token_entropy,option_entropy,perplexity,cot_max_probability,permutation_entropy,"
    "forced_option_entropy,answer_convergence,"
    "prompt_consistency,p_true,verbalized_confidence,linguistic_confidence,masj_expected"
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Results of vLLM and of the hf engine, each with itself as the judge."""
    folder = tmp_path_factory.mktemp("vllm")
    judged = ["--judge", "vllm", "--judge_args", MODEL]
    first = vllm(*arguments(folder / "vllm", "mmlu_pro_direct_law", 2, "option_entropy"))
    clean(first)
    kept = rows(folder / "vllm" / "m" / "mmlu_pro_direct", "answer")
    clean(vllm(*arguments(folder / "vllm", TASKS, 8, ESTIMATORS), *judged))
    again = rows(folder / "vllm" / "m" / "mmlu_pro_direct", "answer")
    again = again[again.question_id.isin(kept.question_id)].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, kept)  # the second run asked for what was missing
    hf(*arguments(folder / "hf", TASKS, 8, ESTIMATORS), "--judge", "hf",
       "--judge_args", "pretrained=embedded")  # fmt: skip
    return folder / "vllm" / "m", folder / "hf" / "m"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of vLLM where it shows the whole vocabulary, with samples."""
    folder = tmp_path_factory.mktemp("whole")
    estimators = "token_entropy,post_answer_entropy,vote_share,vote_share(samples='cot')"
    clean(vllm(*arguments(folder, TASKS, 8, estimators), model=f"{MODEL},max_logprobs=-1"))
    return folder / "m"


def test_answers_equal_those_of_the_hf_engine(both: tuple[Path, Path]) -> None:
    for task in DIRECT:  # "10" is two tokens of this model
        mine, theirs = (rows(folder / task, "answer") for folder in both)
        assert len(mine) == 16
        same = ["question_id", "answer", "status", "correct", "prompt_tokens"]
        pd.testing.assert_frame_equal(mine[same], theirs[same])
        for name in ("option_logprobs", "scored_logprobs", "dont_know_logprob", "top_logprobs",
                     "missing_mass"):  # fmt: skip
            assert apart(mine[name], theirs[name]) < CLOSE, (task, name)


def test_traces_equal_those_of_the_hf_engine(both: tuple[Path, Path]) -> None:
    mine, theirs = (rows(folder / "mmlu_pro_cot", "trace") for folder in both)
    same = ["question_id", "text", "answer", "status", "prompt_tokens", "finished"]
    pd.testing.assert_frame_equal(mine[same], theirs[same])
    for name in ("answer_position", "token_logprobs", "token_top_logprobs", "option_logprobs"):
        assert apart(mine[name], theirs[name]) < CLOSE, name
    assert mine.finished.any()


def test_forced_answers_equal_those_of_the_hf_engine(both: tuple[Path, Path]) -> None:
    """The hf engine reads them in its cache, vLLM after prompts that end in text and cue."""
    mine, theirs = (rows(folder / "mmlu_pro_cot", "forced_answers") for folder in both)
    assert len(mine) == 16
    assert (set(mine.cached), set(theirs.cached)) == ({0}, {1})
    for name in ("points", "answers"):
        assert [list(v) for v in mine[name]] == [list(v) for v in theirs[name]], name
    assert apart(mine.option_logprobs, theirs.option_logprobs) < CLOSE


def test_probes_and_judgements_equal_those_of_the_hf_engine(both: tuple[Path, Path]) -> None:
    for name, columns in {
        "permuted_answers": ("option_logprobs",),
        "prompted_answers": ("option_logprobs", "answer"),
        "self_report": ("text", "value"),
        "judgement": ("text", "value", "label_probs"),
    }.items():
        mine, theirs = (rows(folder / "mmlu_pro_direct", name) for folder in both)
        keys = ["question_id", "variant"]
        mine, theirs = (table.sort_values(keys, ignore_index=True) for table in (mine, theirs))
        for column in columns:
            if column == "text":
                assert mine.text.tolist() == theirs.text.tolist(), name
            else:
                assert apart(mine[column], theirs[column]) < CLOSE, (name, column)


def test_what_vllm_does_not_show_is_null_with_a_reason(both: tuple[Path, Path]) -> None:
    answers = rows(both[0] / "mmlu_pro_direct", "answer")
    assert answers.entropy.isna().all()
    assert answers.post_answer_entropy.isna().all()
    model = json.loads((both[0] / "mmlu_pro_direct" / "manifest.json").read_text())["model"]
    assert "most likely tokens only" in model["lacks"]["answer"]["entropy"]
    assert model["logprobs_mode"] == "raw_logprobs"
    scores = pd.read_parquet(both[0] / "mmlu_pro_direct" / "scores.parquet")
    assert "option_entropy" in set(scores.estimator)
    assert "token_entropy" not in set(scores.estimator)


def test_the_whole_vocabulary_gives_the_entropies(both: tuple[Path, Path], whole: Path) -> None:
    for task in DIRECT:
        mine, theirs = (rows(folder / task, "answer") for folder in (whole, both[1]))
        assert mine.question_id.tolist() == theirs.question_id.tolist()
        for name in ("entropy", "post_answer_entropy", "option_logprobs", "missing_mass"):
            assert apart(mine[name], theirs[name]) < CLOSE, (task, name)


def test_samples_follow_the_distribution_and_repeat(
    both: tuple[Path, Path], whole: Path, tmp_path: Path
) -> None:
    answers = rows(whole / "mmlu_pro_direct", "answer")
    drawn = rows(whole / "mmlu_pro_direct", "samples")
    assert drawn["count"].tolist() == [8] * 16
    best = answers.answer.to_numpy()
    chance = np.exp([row[int(i)] for row, i in zip(answers.option_logprobs, best, strict=True)])
    hits = sum(int((np.asarray(a) == i).sum()) for a, i in zip(drawn.answers, best, strict=True))
    spread = np.sqrt((8 * chance * (1 - chance)).sum())
    assert abs(hits - 8 * chance.sum()) < 4 * spread
    assert len({tuple(a) for a in drawn.answers}) > 1

    texts = rows(whole / "mmlu_pro_cot", "samples").texts
    assert all(len(own) == 8 for own in texts)
    assert any(len(set(own)) > 1 for own in texts)

    tasks = "mmlu_pro_direct_math,mmlu_pro_cot_math"
    clean(vllm(*arguments(tmp_path, tasks, 8, "vote_share,vote_share(samples='cot')")))
    for task in ("mmlu_pro_direct", "mmlu_pro_cot"):
        again, before = (rows(f / task, "samples") for f in (tmp_path / "m", whole))
        before = before[before.question_id.isin(again.question_id)]
        assert len(again) == 8
        assert [list(a) for a in again.answers] == [list(a) for a in before.answers]


def test_two_processes_hold_the_model_together(
    both: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # two processors are enough
    tasks = "mmlu_pro_direct_law,mmlu_pro_direct_math"
    given = arguments(tmp_path, tasks, 8, "option_entropy")
    clean(vllm(*given, model=f"{MODEL},tensor_parallel_size=2"))
    mine, theirs = (rows(f / "mmlu_pro_direct", "answer") for f in (tmp_path / "m", both[1]))
    assert mine.question_id.tolist() == theirs.question_id.tolist()
    assert apart(mine.option_logprobs, theirs.option_logprobs) < CLOSE


def test_prompts_and_texts_end_where_the_context_does(tmp_path: Path) -> None:
    given = (
        "mmlu_pro_direct_law,mmlu_pro_cot_law,mmlu_pro_cot_math",
        8,
        "option_entropy,perplexity",
    )
    done = vllm(*arguments(tmp_path / "vllm", *given), model=f"{MODEL},max_model_len=40")
    clean(done)
    assert "truncated on the left" in done.stderr
    hf(*arguments(tmp_path / "hf", *given), model="pretrained=embedded,max_length=40")
    mine, theirs = (rows(tmp_path / f / "m" / "mmlu_pro_cot", "trace") for f in ("vllm", "hf"))
    assert mine.text.tolist() == theirs.text.tolist()
    assert mine.finished.tolist() == theirs.finished.tolist()
    assert not mine.finished.all()
    mine, theirs = (rows(tmp_path / f / "m" / "mmlu_pro_direct", "answer") for f in ("vllm", "hf"))
    assert mine.prompt_tokens.tolist() == theirs.prompt_tokens.tolist()
    assert apart(mine.option_logprobs, theirs.option_logprobs) < CLOSE


@pytest.mark.parametrize(
    ("model", "more", "says"),
    [
        ("pretrained=./no/such/folder", (), "no model folder"),
        (f"{MODEL},bogus_argument=3", (), "bogus_argument"),
        ("pretrained=embedded,dtype=float99", (), "dtype"),
        (f"{MODEL},max_model_len=99999", (), "max_model_len (99999)"),
        (f"{MODEL},max_logprobs=5", (), "at least 20"),
        (f"{MODEL},logprobs_mode=raw_logits", (), "raw_logprobs"),
        (MODEL, ("--device", "cpu"), "CUDA_VISIBLE_DEVICES"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path, model: str, more: tuple[str, ...], says: str
) -> None:
    given = arguments(tmp_path, "mmlu_pro_direct_law", 2, "option_entropy")
    done = vllm(*given, *more, model=model)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_an_interrupted_run_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    tasks = "mmlu_pro_direct_law,mmlu_pro_cot_law,mmlu_pro_cot_math"
    given = arguments(tmp_path, tasks, 60, "option_entropy,perplexity")
    run = begun(given)
    stored = tmp_path / "m" / "mmlu_pro_direct" / "signals" / "answer"
    try:
        deadline = time.monotonic() + 300
        while not any(_parts(stored)):
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does
        _, said = run.communicate(timeout=120)
    finally:
        run.kill()
    assert run.returncode == 130, said
    assert "stopped" in said.splitlines()[-1]
    assert "Traceback" not in said, said
    while _lives(run.pid):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    clean(vllm(*given))
    assert len(rows(stored.parents[1], "answer")) == 60


def test_loading_can_be_interrupted(tmp_path: Path) -> None:
    given = arguments(tmp_path, "mmlu_pro_direct_law", 2, "option_entropy")
    run = begun(given)
    try:
        time.sleep(15)
        assert run.poll() is None
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130, said
    assert "stopped" in said.splitlines()[-1]


def begun(given: Sequence[str]) -> subprocess.Popen[str]:
    """A run on vLLM, in a process group of its own, as a shell starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "apprehend.benchmark", *given, "--model", "vllm",
         "--model_args", MODEL],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=with_vllm(),
        start_new_session=True,
    )  # fmt: skip


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _parts(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("*.parquet")
