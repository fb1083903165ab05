"""Odd commands of every kind: each succeeds, or is refused in one line without "unexpected"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pandas as pd
import pytest
from apprehend.benchmark.cli.main import app
from apprehend.benchmark.run.run_options import RunOptions, read_options, typed_options
from helpers import in_process
from typer.main import get_command

ESC = "\x1b[31m"


def recorded(folder: Path) -> Path:
    """Results of two models, imported, with scores at the ends of floating point."""
    out = folder / "results"
    for model, pred in (("small", "AABBCCDDAABB"), ("large", "ABCDABCDABCC")):
        frame = pd.DataFrame(
            {
                "id": range(12),
                "gold": list("ABCDABCDABCD"),
                "pred": list(pred),
                "topic": ["law", "math"] * 6,
                "h": [0.1 * number for number in range(12)],
                "far": [1e308, -1e308, float("inf"), float("-inf"), 5e-324, 0] * 2,
            }
        )
        frame.to_csv(folder / "t.csv", index=False)
        done = in_process(
            ["import", "table", folder / "t.csv", "--model", model, "--id", "id", "--answer",
             "gold", "--prediction", "pred", "--topic", "topic", "--score", "h=h", "--score",
             "far=far", "--output_path", out],
            folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("odd"))


def one_error(stderr: str) -> bool:
    """Return whether the last line, and no other, is one of our errors, of the expected kind."""
    errors = [line for line in stderr.splitlines() if line.startswith("apprehend: error: ")]
    calm = "unexpected" not in stderr and "Traceback" not in stderr
    return calm and len(errors) == 1 and stderr.splitlines()[-1] == errors[0]


# -- numeric options, as they are declared ----------------------------------------------------


def leaves(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Words of every command → its function."""
    for info in group.registered_commands:
        yield (*before, info.name or info.callback.__name__), info.callback
    for info in group.registered_groups:
        yield from leaves(info.typer_instance, (*before, info.name))


def numeric() -> Iterator[tuple[tuple[str, ...], str, Any, Any]]:
    """Command, option, type and declared bounds of every option that takes a number."""
    for words, function in leaves(app):
        for name, annotation in get_type_hints(function, include_extras=True).items():
            if not hasattr(annotation, "__metadata__"):
                continue
            kinds = {annotation.__origin__, *get_args(annotation.__origin__)} & {int, float}
            if kinds:
                (info,) = annotation.__metadata__
                # Beside a default in the signature, typer takes its own for the option's name.
                words_of_it = [info.default, *(info.param_decls or ())]
                declared = [d for d in words_of_it if isinstance(d, str) and d.startswith("--")]
                option = declared[0] if declared else "--" + name.replace("_", "-")
                yield words, option, kinds.pop(), info


def _needed(words: tuple[str, ...]) -> list[str]:
    """Return the arguments that a command needs for its options to be parsed."""
    return {
        ("check", "estimator"): ["random"],
        ("threshold",): [".", "--estimator", "x"],
        ("cascade",): [".", "--small", "a", "--large", "b", "--by", "x"],
        ("run",): ["--model_args", "pretrained=embedded"],
        ("demo",): [],
    }.get(words, ["."])


NUMERIC = list(numeric())


def test_every_numeric_option_is_found() -> None:
    found = {(words, option) for words, option, _, _ in NUMERIC}
    assert len(found) >= 18
    assert {(("run",), "--limit"), (("check", "estimator"), "--seed")} <= found


@pytest.mark.parametrize("case", NUMERIC, ids=lambda case: " ".join((*case[0], case[1])))
def test_a_numeric_option_has_both_ends_and_says_so(case: Any, tmp_path: Path) -> None:
    words, option, _, info = case
    assert info.min is not None, "an option without a lower end"
    assert info.max is not None, "an option without an upper end, which takes inf too"
    beyond = (str(info.min - 1), str(info.max * 2 + 1))
    for text in ("nan", "inf", "1e400", "1" + "0" * 5000, "²", *beyond):
        done = in_process([*words, option, text, *_needed(words)], tmp_path)
        assert done.returncode == 2, (text, done.stderr)
        assert one_error(done.stderr), (text, done.stderr)
        assert f"Invalid value for '{option}'" in done.stderr


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_seeds_at_both_ends_work(seed: int, results: Path, tmp_path: Path) -> None:
    for command in (
        ["check", "estimator", "random", "--questions", 50, "--seed", seed],
        ["threshold", results, "--estimator", "h", "--seed", seed],
    ):
        done = in_process(command, tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", ["0", "2.5", "-0.0"])
def test_a_limit_is_a_number_of_questions_or_a_share(text: str, tmp_path: Path) -> None:
    done = in_process(["run", "--model_args", "pretrained=embedded", "--limit", text], tmp_path)
    assert done.returncode == 2
    assert "--limit: expected a whole number of questions or a share below 1" in done.stderr
    assert one_error(done.stderr)


# -- options, as they are spelt ------------------------------------------------------------------


def spelt() -> Iterator[tuple[tuple[str, ...], str]]:
    """Return command and name of every option of every command, as shown in its help."""
    todo: list[tuple[tuple[str, ...], Any]] = [((), get_command(app))]
    while todo:
        words, command = todo.pop()
        todo += [((*words, k), sub) for k, sub in getattr(command, "commands", {}).items()]
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("--"):
                    yield words, option


def test_options_are_spelt_with_underscores() -> None:
    options = list(spelt())
    assert {(("run",), "--paper_filter"), (("run",), "--no_report")} <= set(options)
    assert not [(words, option) for words, option in options if "-" in option[2:]]


@pytest.mark.parametrize(
    "given",
    [
        ["report", "r", "--paper-filter"],
        ["compare", "r", "--paper-filter"],
        ["threshold", "r", "--estimator", "x", "--target-risk", 0.1],
        ["cascade", "r", "--small=a", "--large=b", "--by=x", "--cost-small", 1, "--cost-large=2"],
    ],
    ids=lambda given: given[0],
)
def test_the_spelling_with_dashes_is_read_too(given: list[Any], tmp_path: Path) -> None:
    done = in_process(given, tmp_path)
    assert done.returncode == 2
    assert "no results folder at r" in done.stderr


def test_the_dashes_of_a_value_stay(tmp_path: Path) -> None:
    done = in_process([*RUN, "--no-report", "--overwrite=always-always"], tmp_path)
    assert "got 'always-always'" in done.stderr


def test_options_of_run_are_those_that_are_declared() -> None:
    """Command line, config file and options object, in one order."""
    declared = dict(typed_options())
    shown = [option[2:] for words, option in spelt() if words == ("run",)]
    assert {*declared, "config", "no_report"} == set(shown)
    assert [name for name in shown if name in declared] == list(declared)
    as_declared = read_options({k: o.default for k, o in declared.items()} | {"model": "vllm"})
    assert as_declared == RunOptions(model="vllm")


# -- odd words --------------------------------------------------------------------------------

RUN = ["run", "--device", "cpu", "--model_args", "pretrained=embedded", "--data", "embedded"]


def config(folder: Path, text: str) -> list[Any]:
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    return ["run", "--config", folder / "c.yaml"]


def task_file(folder: Path, text: str, name: str = "mine") -> list[Any]:
    (folder / "tasks").mkdir()
    (folder / "tasks" / "mine.yaml").write_text(text, encoding="utf-8")
    return [*RUN, "--include_path", folder / "tasks", "--tasks", name]


def odd_file(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def lines_of(folder: Path, *rows: Any) -> Path:
    text = "\n".join(json.dumps(row) for row in rows)
    return odd_file(folder, "samples_x.jsonl", text.encode("utf-8", "surrogatepass"))


def table(folder: Path, frame: dict[str, list[Any]], *more: Any) -> list[Any]:
    pd.DataFrame(frame).to_csv(folder / "t.csv", index=False)
    return ["import", "table", folder / "t.csv", "--model", "m", "--id", "id", *more]


MINE = """
task: mine
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{text}"
doc_to_choice: ["A", "B"]
doc_to_target: 0
"""


def third_party_task(folder: Path, text: str) -> list[Any]:
    file = odd_file(folder, "docs.json", b'{"question": "x"}\n')
    return task_file(folder, MINE.format(file=file, text=text))


NESTED = "a: " + "[" * 5000
SAMPLE = {"doc_id": 0, "doc": {}, "target": "A", "resps": [["A"]], "filtered_resps": ["A"]}
ODD = {
    "model name of 300 characters": lambda f, r: table(
        f, {"id": [1], "ok": [1]}, "--correct", "ok", "--model", "m" * 300),
    "two ids that are one": lambda f, r: table(f, {"id": ["1", "1.0"], "ok": [1, 1]},
                                                "--correct", "ok"),
    "superscript as gold": lambda f, r: table(
        f, {"id": [1], "g": ["²"], "p": ["A"]}, "--answer", "g", "--prediction", "p"),
    "superscript as prediction": lambda f, r: table(
        f, {"id": [1], "g": ["A"], "p": ["²"]}, "--answer", "g", "--prediction", "p"),
    "circled digit": lambda f, r: table(
        f, {"id": [1], "g": ["①"], "p": ["①"]}, "--answer", "g", "--prediction", "p"),
    "number of 5,000 digits": lambda f, r: table(
        f, {"id": [1], "g": ["9" * 5000], "p": ["A"]}, "--answer", "g", "--prediction", "p"),
    "infinite gold": lambda f, r: table(
        f, {"id": [1], "g": [float("inf")], "p": ["A"]}, "--answer", "g", "--prediction", "p"),
    "score beyond floats": lambda f, r: table(
        f, {"id": [1], "ok": [1], "h": ["9" * 500]}, "--correct", "ok", "--score", "h=h"),
    "ids beyond 64 bits": lambda f, r: table(
        f, {"id": [2**70], "ok": [1]}, "--correct", "ok"),
    "text and numbers as ids": lambda f, r: table(
        f, {"id": ["x", 1.5], "ok": [1, 0]}, "--correct", "ok"),
    "logits of 1e308": lambda f, r: table(
        f, {"id": [1], "g": ["A"], "l": ["[1e308, -1e308]"]}, "--answer", "g", "--option_logits",
        "l"),
    "logits that are lists": lambda f, r: table(
        f, {"id": [1], "g": ["A"], "l": ["[[1], 2]"]}, "--answer", "g", "--option_logits", "l"),
    "logits of 500 digits": lambda f, r: table(
        f, {"id": [1], "g": ["A"], "l": ["[1" + "0" * 500 + ", 2]"]}, "--answer", "g",
        "--option_logits", "l"),
    "no file but a folder": lambda f, r: ["import", "table", f, "--model", "m", "--id", "id"],
    "file name too long": lambda f, r: ["import", "table", "x" * 300, "--model", "m", "--id", "i"],
    "csv with ragged rows": lambda f, r: ["import", "table", odd_file(
        f, "t.csv", b"id,a\n1,2,3,4\n5\n"), "--model", "m", "--id", "id", "--correct", "a"],
    "csv with an open quote": lambda f, r: ["import", "table", odd_file(
        f, "t.csv", b'id,a\n1,"x'), "--model", "m", "--id", "id", "--correct", "a"],
    "csv with NUL": lambda f, r: ["import", "table", odd_file(
        f, "t.csv", b"id,a\n\0,1\n"), "--model", "m", "--id", "id", "--correct", "a"],
    "csv with one column twice": lambda f, r: ["import", "table", odd_file(
        f, "t.csv", b"id,a,a\n1,1,1\n"), "--model", "m", "--id", "id", "--correct", "a"],
    "jsonl with half a surrogate pair": lambda f, r: ["import", "table", odd_file(
        f, "t.jsonl", b'{"id": "\\ud83d", "a": 1}'), "--model", "m", "--id", "id", "--correct",
        "a"],
    "jsonl with a list as id": lambda f, r: ["import", "table", odd_file(
        f, "t.jsonl", b'{"id": [1], "a": 1}'), "--model", "m", "--id", "id", "--correct", "a"],
    "jsonl with an object as topic": lambda f, r: ["import", "table", odd_file(
        f, "t.jsonl", b'{"id": 1, "a": 1, "t": {}}'), "--model", "m", "--id", "id", "--correct",
        "a", "--topic", "t"],
    "lm-eval: half a surrogate pair": lambda f, r: ["import", "lm-eval", lines_of(
        f, {**SAMPLE, "acc": 1, "doc": {"question_id": "\ud83d", "question": "\ud83d"}}),
        "--model", "m"],
    "lm-eval: superscript id": lambda f, r: ["import", "lm-eval", lines_of(
        f, {**SAMPLE, "acc": 1, "doc": {"question_id": "²"}}), "--model", "m"],
    "lm-eval: NaN as id": lambda f, r: ["import", "lm-eval", lines_of(
        f, {**SAMPLE, "acc": 1, "doc": {"question_id": float("nan")}}), "--model", "m"],
    "lm-eval: accuracy of 500 digits": lambda f, r: ["import", "lm-eval", lines_of(
        f, {**SAMPLE, "acc": int("9" * 500)}), "--model", "m"],
    "lm-eval: no options, target a list": lambda f, r: ["import", "lm-eval", lines_of(
        f, {**SAMPLE, "acc": 1, "target": [1]}), "--model", "m"],
    "lm-eval: likelihoods of 500 digits": lambda f, r: ["import", "lm-eval", lines_of(
        f, {**SAMPLE, "acc": 1, "filtered_resps": [[int("9" * 500), 1], [2, 1]]}), "--model", "m"],
    "mmlu-pro: superscript": lambda f, r: ["import", "mmlu-pro", odd_file(f, "m.json", json.dumps(
        [{"question_id": "²", "options": ["a", "b"], "answer": "²", "category": "law",
          "pred": "²"}]).encode()), "--model", "m"],
    "mmlu-pro: nested 100,000 deep": lambda f, r: ["import", "mmlu-pro", odd_file(
        f, "m.json", b"[" * 100_000), "--model", "m"],
    "mmlu-pro: options of code nested deep": lambda f, r: ["import", "mmlu-pro", odd_file(
        f, "m.json", json.dumps([{"question_id": 1, "options": "(" * 5000, "answer": "A",
                                  "category": "law", "pred": "A"}]).encode()), "--model", "m"],
    "config nested 5,000 deep": lambda f, r: config(f, NESTED),
    "config with a bad date": lambda f, r: config(f, "limit: 2001-99-99"),
    "config with NUL": lambda f, r: config(f, 'data: "a\\0b"'),
    "config with half a surrogate pair": lambda f, r: config(f, 'model_name: "\\ud83d"'),
    "config with a list key": lambda f, r: config(f, "? [a]\n: 1"),
    "config with nan as limit": lambda f, r: config(f, "limit: .nan"),
    "config with a list as limit": lambda f, r: config(f, "limit: [1, 2]"),
    "config with an object as seed": lambda f, r: config(f, "seed: {a: 1}"),
    "config that includes itself": lambda f, r: config(f, "a: &a [*a]"),
    "config without end": lambda f, r: ["run", "--config", "/dev/zero"],
    "config that is a folder": lambda f, r: ["run", "--config", f],
    "task file nested 5,000 deep": lambda f, r: task_file(f, "task: mine\n" + NESTED),
    "task file that is no YAML": lambda f, r: task_file(f, "task: mine\n\tx: ["),
    "task file that divides by zero": lambda f, r: third_party_task(f, "{{1/0}}"),
    "task file that includes nothing": lambda f, r: task_file(f, "task: mine\ninclude: none"),
    "task file with a name of a path": lambda f, r: task_file(f, "task: ../x\n", "../x"),
    "task of a list": lambda f, r: task_file(f, "task: [1, 2]\n", "1"),
    "shard of superscripts": lambda f, r: [*RUN, "--shard", "²/4"],
    "shard of too many": lambda f, r: [*RUN, "--shard", f"0/{10**30}"],
    "batch size of superscript": lambda f, r: [*RUN, "--batch_size", "²", "--output_path", f / "o"],
    "blank model name": lambda f, r: [*RUN, "--model_name", " "],
    "model name that is a path": lambda f, r: [*RUN, "--model_name", "../x"],
    "judge without a name": lambda f, r: [*RUN, "--judge", "hf", "--judge_args",
                                           "pretrained=embedded", "--judge_name", ""],
    "data that is a folder": lambda f, r: ["run", "--model_args", "pretrained=embedded", "--data",
                                            f],
    "data of infinite length": lambda f, r: ["run", "--model_args", "pretrained=embedded",
                                              "--data", "/dev/zero"],
    "output path that is a file": lambda f, r: [
        *table(f, {"id": [1], "ok": [1]}, "--correct", "ok"), "--output_path", f / "t.csv"],
    "output path of a device": lambda f, r: [
        *table(f, {"id": [1], "ok": [1]}, "--correct", "ok"), "--output_path", "/dev/null/x"],
    "output path too long": lambda f, r: [
        *table(f, {"id": [1], "ok": [1]}, "--correct", "ok"), "--output_path", f / ("x" * 300)],
    "report: results are a file": lambda f, r: ["report", odd_file(f, "x", b"")],
    "report: output is a file": lambda f, r: ["report", r, "--output_path", odd_file(f, "x", b""),
                                               "--formats", "svg"],
    "report: no formats": lambda f, r: ["report", r, "--formats", ","],
    "report: odd format": lambda f, r: ["report", r, "--formats", "svg,²"],
    "compare: one twice": lambda f, r: ["compare", r, r / "small", f / "none"],
    "compare: a file": lambda f, r: ["compare", odd_file(f, "x", b"")],
    "threshold: odd estimator": lambda f, r: ["threshold", r, "--estimator", ESC],
    "threshold: unparsable estimator": lambda f, r: ["threshold", r, "--estimator", "h("],
    "threshold: scores without end": lambda f, r: ["threshold", r, "--estimator", "far"],
    "threshold: risk 0": lambda f, r: ["threshold", r, "--estimator", "far", "--target_risk", "0",
                                       "--confidence", "0.9999"],
    "threshold: output is a folder": lambda f, r: ["threshold", r, "--estimator", "h",
                                                    "--output_path", f],
    "cascade: itself": lambda f, r: ["cascade", r, "--small", "small", "--large", "small", "--by",
                                      "h", "--output_path", f / "c"],
    "cascade: costs of 0": lambda f, r: [
        "cascade", r, "--small", "small", "--large", "large", "--by", "far", "--cost_small", "0",
        "--cost_large", "0", "--output_path", f / "c"],
    "cascade: no such model": lambda f, r: ["cascade", r, "--small", "", "--large", ESC, "--by",
                                             "h"],
    "split: odd groups": lambda f, r: ["split", r, "--by", "h", "--groups", "a=nan,b=inf"],
    "split: infinite weights": lambda f, r: ["split", r, "--by", "far", "--groups",
                                              "a=1e308,b=1e308,c=5e-324", "--output_path", f / "s"],
    "split: more groups than questions": lambda f, r: [
        "split", r, "--by", "far", "--groups", ",".join(f"g{i}" for i in range(50)),
        "--output_path", f / "s"],
    "split: output is a folder": lambda f, r: ["split", r, "--by", "h", "--output_path", f],
    "analyse: nothing": lambda f, r: ["analyse", f],
    "paper: nothing": lambda f, r: ["paper", f],
    "verify: a file": lambda f, r: ["verify", odd_file(f, "x", b"")],
    "merge: a file": lambda f, r: ["merge", odd_file(f, "x", b"")],
    "score: empty name": lambda f, r: ["score", r, "--estimators", ","],
    "score: nested parameters": lambda f, r: ["score", r, "--estimators", "random(seed=" + "(" * 999
                                               + ")" * 999 + ")"],
    "score: parameter of 5,000 digits": lambda f, r: ["score", r, "--estimators",
                                                       f"random(seed={'9' * 5000})"],
    "score: negative seed": lambda f, r: ["score", r, "--estimators", "random(seed=-1)"],
    "score: seed beyond bounds": lambda f, r: ["score", r, "--estimators", f"random(seed={2**70})"],
    "score: committee of an unknown model": lambda f, r: ["score", r, "--estimators",
                                                 "committee_disagreement", "--committee", ESC],
    "check: estimator of a folder": lambda f, r: ["check", "estimator", f"{f}:X"],
    "check: estimator that exits": lambda f, r: ["check", "estimator", str(odd_file(
        f, "m.py", b"import sys; sys.exit(3)")) + ":X"],
    "check: estimator of bytes": lambda f, r: ["check", "estimator", str(odd_file(
        f, "m.py", b"\xff\0")) + ":X"],
    "check: estimator that recurs": lambda f, r: ["check", "estimator", str(odd_file(
        f, "m.py", b"def f(): f()\nf()")) + ":X"],
    "list: odd word": lambda f, r: ["list", ESC],
    "import: odd word": lambda f, r: ["import", "²"],
    "nothing": lambda f, r: ["import"],
    "a word that is an option": lambda f, r: ["report", "--", "--debug"],
    "option without a value": lambda f, r: ["report", r, "--seed"],
    "half a surrogate pair": lambda f, r: ["report", "\ud83d"],
    "NUL": lambda f, r: ["report", "a\0b"],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_command_is_done_or_refused_in_one_line(
    name: str, results: Path, tmp_path: Path
) -> None:
    before = {file: file.read_bytes() for file in results.rglob("manifest.json")}
    done = in_process(ODD[name](tmp_path, results), tmp_path)
    assert done.returncode in (0, 1, 2), done.stderr
    assert "unexpected" not in done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode and name != "nothing":
        assert one_error(done.stderr), done.stderr
        assert len(done.stderr.splitlines()[-1]) < 2000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.stderr), ascii(done.stderr)
    assert {file: file.read_bytes() for file in results.rglob("manifest.json")} == before
