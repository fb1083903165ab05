"""Invalid input, one row each: one clear line, the right exit status, no stored row lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bad_imports import BAD_IMPORTS, written
from fuzz_targets import RULE
from helpers import ROOT, Run, in_process
from oversized import crowded_archive, declaring_archive, many_rows, repeated_text

GOOD: dict[str, Any] = {
    "question_id": 1,
    "question": "Which?",
    "options": ["a", "b", "c"],
    "answer": "B",
    "category": "law",
}
RUN = ("run", "--model_args", "pretrained=embedded", "--device", "cpu")


@dataclass(frozen=True)
class Case:
    """A command line (given a folder for its files), and the expected exit status and message."""

    name: str
    command: Callable[[Path], list[Any]]
    status: int
    says: tuple[str, ...]


def jsonl(folder: Path, *rows: Any, name: str = "data.jsonl") -> Path:
    file = folder / name
    file.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), "utf-8")
    return file


def with_data(*rows: Any) -> Callable[[Path], list[Any]]:
    return lambda folder: [*RUN, "--data", jsonl(folder, *rows)]


def without(column: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != column}


def empty_file(folder: Path) -> list[Any]:
    (folder / "empty.parquet").touch()
    return [*RUN, "--data", folder / "empty.parquet"]


def truncated_parquet(folder: Path) -> list[Any]:
    file = folder / "short.parquet"
    pd.DataFrame([GOOD]).to_parquet(file)
    file.write_bytes(file.read_bytes()[:-30])
    return [*RUN, "--data", file]


def table(folder: Path, *more: Any, rows: Any = None, name: str = "t.csv") -> list[Any]:
    frame = pd.DataFrame(rows or [{"id": 1, "pred": "A", "gold": "B", "h": 0.1}])
    frame.to_csv(folder / name, index=False)
    return ["import", "table", folder / name, "--model", "m", "--id", "id",
            "--output_path", folder / "out", *more]  # fmt: skip


def truncated_table(folder: Path) -> list[Any]:
    command = truncated_parquet(folder)
    return ["import", "table", command[-1], "--model", "m", "--id", "question_id",
            "--correct", "answer", "--output_path", folder / "out"]  # fmt: skip


def plugin(text: str, name: str = "Mine") -> Callable[[Path], list[Any]]:
    def command(folder: Path) -> list[Any]:
        file = folder / "mine.py"
        file.write_text(text, "utf-8")
        return [*RUN, "--data", jsonl(folder, GOOD), "--estimators", f"{file}:{name}"]

    return command


def no_model_folder(folder: Path) -> list[Any]:
    (folder / "empty").mkdir()
    return ["run", "--model_args", f"pretrained={folder / 'empty'}", "--data", jsonl(folder, GOOD)]


def broken_template(folder: Path) -> list[Any]:
    (folder / "p.jinja").write_text("{{ question", "utf-8")
    return [*RUN, "--data", jsonl(folder, GOOD), "--prompt", f"direct={folder / 'p.jinja'}"]


def damaged_manifest(folder: Path) -> list[Any]:
    (folder / "r" / "m" / "t").mkdir(parents=True)
    (folder / "r" / "m" / "t" / "manifest.json").write_text("{", "utf-8")
    return ["report", folder / "r"]


def with_manifest(content: Any) -> Callable[[Path], list[Any]]:
    def command(folder: Path) -> list[Any]:
        (folder / "r" / "m" / "t").mkdir(parents=True)
        file = folder / "r" / "m" / "t" / "manifest.json"
        file.write_text(json.dumps(content), "utf-8")
        return ["score", folder / "r"]

    return command


def bytes_in(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def doubled_part(folder: Path) -> list[Any]:
    """A store with one part twice, under two names."""
    command = table(folder, "--answer", "gold", "--prediction", "pred")
    assert in_process(command, folder).returncode == 0
    (part,) = (folder / "out").rglob("signals/answer/part-*.parquet")
    shutil.copy(part, part.with_name("part-1-1-000001-" + part.stem.split("-")[-1] + ".parquet"))
    return ["verify", folder / "out"]


def shortened_part(folder: Path) -> list[Any]:
    command = table(folder, "--answer", "gold", "--prediction", "pred")
    assert in_process(command, folder).returncode == 0
    (part,) = (folder / "out").rglob("signals/answer/part-*.parquet")
    part.rename(part.with_name("part-1-1-000001-0123456789abcdef.parquet"))
    return ["score", folder / "out"]


def imported_twice(folder: Path) -> list[Any]:
    command = table(folder, "--answer", "gold", "--prediction", "pred")
    assert in_process(command, folder).returncode == 0
    return command


JUDGED = (*RUN, "--data", "embedded", "--tasks", "mmlu_pro_direct_law", "--limit", "1")


def prompt_of(text: str) -> Callable[[Path], list[Any]]:
    def command(folder: Path) -> list[Any]:
        (folder / "p.jinja").write_text(text, "utf-8")
        return [*RUN, "--data", jsonl(folder, GOOD), "--prompt", f"direct={folder / 'p.jinja'}"]

    return command


def deep_config(folder: Path) -> list[Any]:
    (folder / "c.yaml").write_text("a: " + "[" * 5000, "utf-8")
    return ["run", "--config", folder / "c.yaml"]


def deep_tasks(folder: Path) -> list[Any]:
    (folder / "tasks").mkdir()
    (folder / "tasks" / "mine.yaml").write_text("task: mine\na: " + "[" * 5000, "utf-8")
    return [*RUN, "--data", jsonl(folder, GOOD), "--include_path", folder / "tasks", "--tasks",
            "mine"]  # fmt: skip


WHOLE = {"schema_version": 2, "model": {}, "task": {}, "data": {}}
OUTCOME = ("--answer", "gold", "--prediction", "pred")


def rule_with(**changes: Any) -> Callable[[Path], list[Any]]:
    """``apply`` of a rule some of whose fields are others."""

    def command(folder: Path) -> list[Any]:
        rule = {**json.loads(RULE), **changes}
        (folder / "rule.json").write_text(json.dumps(rule), "utf-8")
        return ["apply", folder / "rule.json", folder / "out"]

    return command


CASES = [
    Case("limit of nothing", lambda f: [*RUN, "--limit", "0"], 2, ("above 0",)),
    Case("limit without end", lambda f: [*RUN, "--limit", "inf"], 2, ("'--limit'",)),
    Case("limit that is no number", lambda f: [*RUN, "--limit", "nan"], 2, ("'--limit'",)),
    Case("limit between numbers", lambda f: [*RUN, "--limit", "2.5"], 2, ("whole number",)),
    Case("seed below 0", lambda f: [*RUN, "--seed", "-1"], 2, ("'--seed'",)),
    Case("seed beyond 32 bits", lambda f: [*RUN, "--seed", str(2**70)], 2, ("'--seed'",)),
    Case("temperature without end", lambda f: [*RUN, "--temperature", "1e400"], 2,
         ("'--temperature'",)),
    Case("shard in superscript", lambda f: [*RUN, "--shard", "²/4"], 2, ("expected I/N",)),
    Case("batch size in superscript", lambda f: [*RUN, "--batch_size", "²"], 2, ("--batch_size",)),
    Case("config nested 5,000 deep", deep_config, 2, ("nested too deeply",)),
    Case("tasks nested 5,000 deep", deep_tasks, 2, ("nested too deeply",)),
    Case("prompt that divides by zero", prompt_of("{{ question }}{{ 1/0 }}"), 2,
         ("division by zero",)),
    Case("prompt that includes a file", prompt_of("{% include 'x' %}"), 2, ("uses Include",)),
    Case("prompt with a macro that calls itself", prompt_of(
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}{{ question }}"), 2, ("uses Macro",)),
    Case("prompt with a loop without end", prompt_of(
        "{% for i in range(1000000000) %}x{% endfor %}{{ question }}"), 2, ("range of more",)),
    Case("prompt with a text without end", prompt_of("{{ 'a' * 10000000000 }}{{ question }}"), 2,
         ("text of more than",)),
    Case("prompt without text", prompt_of(" "), 2, ("gives no text",)),
    Case("prompt without the question", prompt_of("Which?"), 2, ("put {{ question }} in it",)),
    Case("manifest with data of null", with_manifest({**WHOLE, "data": None}), 1,
         ("data: expected an object, got null",)),
    Case("manifest with odd lacks", with_manifest({**WHOLE, "model": {"lacks": 1}}), 1,
         ("model.lacks: expected an object, got 1",)),
    Case("manifest without a model", with_manifest({"schema_version": 2}), 1,
         ("'model' is missing",)),
    Case("table: task that leads elsewhere", lambda f: table(f, *OUTCOME, "--task", "../../x"), 2,
         ("is a path",)),
    Case("table: task without a name", lambda f: table(f, *OUTCOME, "--task", ""), 2,
         ("is blank",)),
    Case("table: task with an escape sequence", lambda f: table(
        f, *OUTCOME, "--task", "x\x1b[2J"), 2, ("'x\\x1b[2J' holds control characters",)),
    Case("table: model of a reserved name", lambda f: table(f, *OUTCOME, "--model", "shards"), 2,
         ("a meaning of its own",)),
    Case("table: gold in superscript", lambda f: table(
        f, *OUTCOME, rows=[{"id": 1, "pred": "A", "gold": "²"}]), 1, ("got '²'",)),
    Case("table: score beyond floating point", lambda f: table(
        f, *OUTCOME, "--score", "x=h", rows=[{"id": 1, "pred": "A", "gold": "A", "h": "9" * 400}]),
        1, ("expected a number",)),
    Case("argument that is no text", lambda f: ["report", "\udcff"], 2, ("is not UTF-8 text",)),
    Case("groups of no weight", lambda f: ["split", f, "--by", "x", "--groups", "a=nan,b"], 2,
         ("--groups",)),
    Case("model name that is a path", lambda f: [*RUN, "--model_name", "../x"], 2, ("is a path",)),
    Case("unknown --overwrite", lambda f: [*RUN, "--overwrite", "sometimes"], 2,
         ("only-missing, always, never or only-cache",)),
    Case("shard beyond the last", lambda f: [*RUN, "--shard", "2/2"], 2, ("expected I/N",)),
    Case("shard that is none", lambda f: [*RUN, "--shard", "first"], 2, ("expected I/N",)),
    Case("negative budget", lambda f: [*RUN, "--max_requests", "-1"], 2, ("max_requests",)),
    Case("no parts to merge", lambda f: ["merge", f], 2, ("nothing to merge",)),
    Case("verify: no results", lambda f: ["verify", f / "none"], 2, ("no results folder",)),
    Case("verify: empty folder", lambda f: ["verify", f], 2, ("no results in it",)),
    Case("verify: doubled part", doubled_part, 1, ("1 files are not as they were written",)),
    Case("part whose bytes are not its checksum's", shortened_part, 1, ("wrong checksum",)),
    Case("table: imported twice", imported_twice, 1, ("exists already",)),
    Case("manifest that is a list", with_manifest([1]), 1, ("expected an object",)),
    Case("manifest without a version", with_manifest({}), 1, ("expected schema_version",)),
    Case("manifest of a newer version", with_manifest({"schema_version": 99}), 1,
         ("written by a newer apprehend",)),
    Case("endpoint without an address", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x", "--data", jsonl(f, GOOD), "--output_path", f / "o"], 2,
         ("expected base_url",)),
    Case("endpoint with another scheme", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x,base_url=file:///etc/passwd", "--data", jsonl(f, GOOD),
         "--output_path", f / "o"], 2, ("base_url", "expected http://")),
    Case("endpoint without time", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x,base_url=http://127.0.0.1:9/v1,timeout=0", "--data",
         jsonl(f, GOOD), "--output_path", f / "o"], 2, ("timeout", "above 0")),
    Case("endpoint with half a request at once", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x,base_url=http://127.0.0.1:9/v1,num_concurrent=0.5", "--data",
         jsonl(f, GOOD), "--output_path", f / "o"], 2, ("num_concurrent", "whole number")),
    Case("judge that posts by itself", lambda f: [*RUN, "--judge", "gguf", "--judge_args",
         "base_url=http://127.0.0.1:9", "--data", jsonl(f, GOOD), "--output_path", f / "o"], 2,
         ("--judge gguf", "local-completions")),
    Case("endpoint with a pause that is no number", lambda f: ["run", "--model",
         "local-completions", "--model_args", "model=x,base_url=http://127.0.0.1:9/v1,input_price=a",
         "--data", jsonl(f, GOOD), "--output_path", f / "o"], 2, ("input_price",)),
    Case("budget of money without prices", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x,base_url=http://127.0.0.1:9/v1", "--max_cost", "1", "--data",
         jsonl(f, GOOD), "--output_path", f / "o"], 2, ("--max_cost needs prices",)),
    Case("endpoint that is not there", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x,base_url=http://127.0.0.1:9/v1,max_retries=1", "--data",
         jsonl(f, GOOD), "--output_path", f / "o"], 1, ("no connection",)),
    Case("vllm without vLLM", lambda f: ["run", "--model", "vllm", "--model_args", "pretrained=x",
         "--data", jsonl(f, GOOD), "--output_path", f / "o"], 2, ("vLLM is not installed",)),
    Case("signal that the engine cannot give", lambda f: ["run", "--model", "local-completions",
         "--model_args", "model=x,base_url=http://127.0.0.1:9/v1", "--estimators",
         "hidden_state_probe", "--data", jsonl(f, GOOD)], 2, ("shows no hidden states",)),
    Case("only what is stored, and nothing is", lambda f: [*JUDGED, "--overwrite", "only-cache",
         "--output_path", f / "o"], 1, ("no manifest",)),
    Case("data that is not UTF-8", lambda f: [*RUN, "--data", bytes_in(f, "d.jsonl", b"\xff{}")],
         1, ("d.jsonl",)),
    Case("table: not UTF-8", lambda f: ["import", "table", bytes_in(f, "t.csv", b"id\n\xff\n"),
         "--model", "m", "--id", "id", "--correct", "id", "--output_path", f / "o"], 1,
         ("t.csv",)),
    Case("config that is not UTF-8", lambda f: ["run", "--config",
         bytes_in(f, "c.yaml", b"\xff")], 2, ("cannot read",)),
    Case("no file", lambda f: [*RUN, "--data", f / "none.parquet"], 1, ("none.parquet", "no such")),
    Case("data that are no table", lambda f: [*RUN, "--data", bytes_in(f, "d.pdf", b"%PDF-1.7")],
         1, ("d.pdf",)),
    Case("empty file", empty_file, 1, ("empty.parquet", "is empty")),
    Case("no rows", with_data(), 1, ("is empty",)),
    Case("archive that holds too much", lambda f: ["import", "mmlu-pro", declaring_archive(f),
         "--model", "m", "--output_path", f / "out"], 1, ("3.5 GB", "APPREHEND_MAX_INPUT_GB")),
    Case("archive of too many files", lambda f: ["import", "mmlu-pro", crowded_archive(f),
         "--model", "m", "--output_path", f / "out"], 1, ("1,001 .json files",)),
    Case("data that repeat a long text", lambda f: [*RUN, "--data", repeated_text(f)], 1,
         ("GB", "APPREHEND_MAX_INPUT_GB")),
    Case("table: too many values", lambda f: ["import", "table", many_rows(f), "--model", "m",
         "--id", "id", "--correct", "id", "--output_path", f / "out"], 1, ("21,000,000 values",)),
    Case("truncated Parquet", truncated_parquet, 1, ("short.parquet", "truncated?")),
    Case("not JSON", with_data("{"), 1, ("line 1", "not JSON")),
    Case("not an object", with_data([1, 2]), 1, ("row 1", "expected an object")),
    Case("missing column", with_data(without("options")), 1, ("'options' is missing",)),
    Case(
        "misspelt column",
        with_data({**without("options"), "option": ["a", "b"]}),
        1,
        ("did you mean 'option'?",),
    ),
    Case("duplicate id", with_data(GOOD, GOOD), 1, ("line 2", "duplicate id 1, first in line 1")),
    Case("letter beyond the options", with_data({**GOOD, "answer": "D"}), 1, ("A to C", "'D'")),
    Case("answer that counts from 0 or 1", with_data({**GOOD, "answer": 1}), 1,
         ("from 0 or from 1", "--data_columns index_base=0 or index_base=1")),
    Case("answers that count from neither", with_data({**GOOD, "answer": 0},
         {**GOOD, "answer": 3, "question_id": 2}), 1, ("line 1 holds 0", "line 2 holds")),
    Case("answer that is no option", with_data({**GOOD, "answer": "d"}), 1, ("A to C", "'d'")),
    Case("answer and answer_index differ", with_data({**GOOD, "answer_index": 2}), 1,
         ("line 1, column 'answer_index': 2 contradicts 'B'", "check='none'")),
    Case("answer and its text differ", with_data({"question": "Which?", "options": {"A": "a",
         "B": "b"}, "answer_idx": "A", "answer": "b"}), 1, ("'b' contradicts 'A'",)),
    Case("an id as number and as text", with_data(GOOD, {**GOOD, "question_id": "1"}), 1,
         ("line 2", "a number and its text are the same id")),
    Case("no right option anywhere", with_data({**GOOD, "answer": None}), 1,
         ("no question is left: no right option is given (line 1)",)),
    Case("26 options", with_data({**GOOD, "options": [str(i) for i in range(26)]}), 1,
         ("expected 2 to 25 options, got 26",)),
    Case("empty option", with_data({**GOOD, "options": ["a", " ", "c"]}), 1,
         ("line 1, column 'options': option 2 of 3 is empty",)),
    Case("label that is no option's", with_data({"id": 1, "question": "Which?", "answerKey": "E",
         "choices": {"text": ["a", "b"], "label": ["A", "B"]}}), 1, ("labels A, B, got 'E'",)),
    Case("more labels than options", with_data({"id": 1, "question": "Which?", "answerKey": "A",
         "choices": {"text": ["a", "b"], "label": ["A", "B", "C"]}}), 1,
         ("2 options, but 3 labels",)),
    Case("no topic", with_data({**GOOD, "category": ""}), 1, ("column 'category'", "a topic")),
    Case("columns of no data set", with_data({"stem": "Which?", "key": "A"}), 1,
         ("say which columns hold what, e.g. --data_columns question=stem",)),
    Case("column map with an unknown field", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--data_columns", "questoin=question"], 2, ("did you mean 'question'",)),
    Case("column map without a column", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--data_columns", "question"], 2, ("expected field=column, got 'question'",)),
    Case("column map with a field twice", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--data_columns", "topic=src,topic=category"], 2, ("'topic' is given twice",)),
    Case("column map with another column", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--data_columns", "topic=subject"], 1,
         ("--data_columns topic: ", "no column 'subject', found: question_id",)),
    Case("column map with an unknown schema", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--data_columns", "preset=mmlu_por"], 1, ("did you mean 'mmlu_pro'",)),
    Case("column map with a wrong base", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--data_columns", "index_base=2"], 2, ("expected 0 or 1, got '2'",)),
    Case("column map without a file", lambda f: [*RUN, "--data", "embedded", "--data_columns",
         "topic=src"], 2, ("give one with --data",)),
    Case("task that a file does not have", lambda f: [*RUN, "--data",
         jsonl(f, {**GOOD, "category": "trees"}), "--tasks", "direct_bushes"], 2,
         ("unknown task 'direct_bushes'", "`apprehend data", "did you mean 'direct_trees'")),
    Case("too few other questions as examples", lambda f: [*RUN, "--data",
         jsonl(f, {**GOOD, "category": "trees"}), "--num_fewshot", "1"], 2,
         ("data_direct_trees has 0 examples", "--fewshot_data")),
    Case("data: no file", lambda f: ["data", f / "none.csv"], 1, ("none.csv: no such file",)),
    Case("data: unknown task", lambda f: ["data", jsonl(f, GOOD), "--tasks", "dircet"], 2,
         ("did you mean 'direct'",)),
    Case("data: one option", lambda f: ["data", jsonl(f, {**GOOD, "options": ["a"]})], 1,
         ("line 1, column 'options'", "bad_rows=skip")),
    Case("options as text", with_data({**GOOD, "options": "a, b"}), 1, ("list of texts, got str",)),
    Case("one option", with_data({**GOOD, "options": ["a"], "answer": "A"}), 1, ("got 1",)),
    Case("options that are no text", with_data({**GOOD, "options": ["a", {"b": 1}, "c"]}), 1,
         ("option 2 of 3 is no text",)),
    Case("no question text", with_data({**GOOD, "question": " "}), 1, ("'question'",)),
    Case("no id", with_data({**GOOD, "question_id": None}), 1, ("'question_id'", "missing")),
    Case("no question of the topic", lambda f: [*RUN, "--data", jsonl(f, GOOD), "--tasks",
         "mmlu_pro_direct_math"], 2, ("no question of these topics",)),
    Case("unknown task", lambda f: [*RUN, "--tasks", "mmlu_pro_dircet"], 2,
         ("did you mean 'mmlu_pro_direct",)),
    Case("unknown topic in a task", lambda f: [*RUN, "--tasks", "mmlu_pro_direct_phisics"], 2,
         ("did you mean 'mmlu_pro_direct_physics'",)),
    Case("unknown estimator", lambda f: [*RUN, "--estimators", "token_entropie"], 2,
         ("did you mean 'token_entropy'",)),
    Case("estimator twice", lambda f: [*RUN, "--estimators", "random,random"], 2, ("both called",)),
    Case("unknown parameter", lambda f: [*RUN, "--estimators", "random(sed=1)"], 2, ("'sed'",)),
    Case("parameter without a name", lambda f: [*RUN, "--estimators", "random(1)"], 2,
         ("cannot read the parameters",)),
    Case("parameter that is code", lambda f: [*RUN, "--estimators", "random(seed=open('x'))"], 2,
         ("cannot read the parameters",)),
    Case("no estimator file", lambda f: [*RUN, "--estimators", "none.py:A"], 2, ("no such file",)),
    Case("estimator file without the class", plugin("x = 1"), 2, ("has no class 'Mine'",)),
    Case("estimator file that fails", plugin("1 / 0"), 2, ("ZeroDivisionError",)),
    Case("no estimator at all", plugin("class Mine: pass"), 2, ("subclass of Estimator",)),
    Case("estimator without a name", plugin(
        "from apprehend.estimators import Estimator\nclass Mine(Estimator):\n"
        "    def score(self, signals): return 0"), 2, ("needs a class attribute `name`",)),
    Case("judge estimator without a judge",
         lambda f: [*RUN, "--data", "embedded", "--estimators", "masj_complexity"], 2,
         ("needs a judge", "--judge")),
    Case("estimator that the task cannot feed", lambda f: [
        *RUN, "--data", "embedded", "--estimators", "cot_mean_entropy"], 2, ("signal trace",)),
    Case("no such model folder", lambda f: ["run", "--model_args", f"pretrained={f}/none",
         "--data", jsonl(f, GOOD)], 2, ("no model folder",)),
    Case("folder that is no model", no_model_folder, 2, ("no config.json",)),
    Case("model argument that is none", lambda f: [
        "run", "--model_args", "pretrained=embedded,no_such=1", "--data", jsonl(f, GOOD)], 2,
        ("no_such",)),
    Case("no model", lambda f: ["run"], 2, ("pretrained=",)),
    Case("model arguments without =", lambda f: ["run", "--model_args", "embedded"], 2,
         ("name=value",)),
    Case("unknown engine", lambda f: [*RUN, "--model", "hff"], 2, ("unknown engine 'hff'",)),
    Case("unknown kind of judge", lambda f: [*RUN, "--data", jsonl(f, GOOD), "--judge", "hff",
         "--judge_args", "pretrained=embedded", "--output_path", f / "o"], 2, ("'hff'",)),
    Case("arguments for one of two judges", lambda f: [*RUN, "--data", jsonl(f, GOOD), "--judge",
         "hf", "--judge", "hf", "--judge_args", "pretrained=embedded"], 2,
         ("--judge_args: given 1 times for 2 --judge",)),
    Case("judge arguments without a judge", lambda f: [*RUN, "--data", jsonl(f, GOOD),
         "--judge_args", "pretrained=embedded"], 2, ("--judge_args: given 1 times for 0",)),
    Case("two judges of one name", lambda f: [*RUN, "--data", jsonl(f, GOOD), "--judge", "hf",
         "--judge_args", "pretrained=embedded", "--judge", "hf", "--judge_args",
         "pretrained=embedded"], 2, ("two judges are called embedded",)),
    Case("batch size that is none", lambda f: [*RUN, "--data", jsonl(f, GOOD), "--batch_size",
         "many"], 2, ("--batch_size",)),
    Case("examples without a pool", lambda f: [*RUN, "--data", jsonl(f, GOOD), "--num_fewshot",
         "3"], 2, ("--fewshot_data",)),
    Case("unknown option", lambda f: ["run", "--modle", "hf"], 2, ("--modle",)),
    Case("unknown command", lambda f: ["rum"], 2, ("rum",)),
    Case("unknown prompt", lambda f: [*RUN, "--prompt", "dircet=x"], 2, ("did you mean 'direct'",)),
    Case("prompt that is no template", broken_template, 2, ("prompt template 'direct'",)),
    Case("no config file", lambda f: ["run", "--config", f / "c.yaml"], 2, ("cannot read",)),
    Case("no results", lambda f: ["report", f / "none"], 2, ("no results folder",)),
    Case("empty results", lambda f: ["score", f], 2, ("no results in it",)),
    Case("damaged manifest", damaged_manifest, 1, ("manifest.json", "not a readable")),
    Case("table: no such column", lambda f: table(f, "--answer", "golt", "--prediction", "pred"),
         2, ("did you mean 'gold'",)),
    Case("table: neither answer nor outcome", table, 2, ("--answer", "--correct")),
    Case("table: only the gold answer", lambda f: table(f, "--answer", "gold"), 2,
         ("--prediction",)),
    Case("table: outcome that is none", lambda f: table(f, "--correct", "pred"), 1,
         ("line 2", "'pred'", "true or false")),
    Case("table: score that is text", lambda f: table(
        f, "--answer", "gold", "--prediction", "pred", "--score", "x=pred"), 1,
        ("line 2", "expected a number, got 'A'")),
    Case("table: duplicate id", lambda f: table(
        f, "--answer", "gold", "--prediction", "pred",
        rows=[{"id": 1, "pred": "A", "gold": "A"}] * 2), 1,
        ("line 3", "duplicate id 1, first in line 2")),
    Case("table: gold that is no option", lambda f: table(
        f, "--answer", "gold", "--prediction", "pred",
        rows=[{"id": 1, "pred": "A", "gold": "?"}]), 1, ("number or text, got '?'",)),
    Case("table: gold beyond the options", lambda f: table(
        f, "--answer", "gold", "--option_probs", "p",
        rows=[{"id": 1, "p": "[0.5, 0.5]", "gold": "C"}]), 1, ("question's 2 options",)),
    Case("table: probabilities above one", lambda f: table(
        f, "--answer", "gold", "--option_probs", "p",
        rows=[{"id": 1, "p": "[0.9, 0.9]", "gold": "A"}]), 1, ("sum to at most 1",)),
    Case("table: options given as text", lambda f: table(
        f, "--answer", "gold", "--option_logits", "p",
        rows=[{"id": 1, "p": "0.9 0.1", "gold": "A"}]), 1, ("expected a list",)),
    Case("table: truncated Parquet", truncated_table, 1, ("truncated?",)),
    Case("table: empty file", lambda f: [
        "import", "table", jsonl(f, name="e.jsonl"), "--model", "m", "--id", "id", "--correct", "c"
        ], 1, ("is empty",)),
    Case("table: score without a name", lambda f: table(f, "--score", "h"), 2, ("NAME=VALUE",)),
    Case("lm-eval: no samples", lambda f: ["import", "lm-eval", f, "--model", "m"], 2,
         ("no samples_",)),
    Case("lm-eval: other JSON", lambda f: [
        "import", "lm-eval", jsonl(f, {"a": 1}, name="samples_x.jsonl"), "--model", "m",
        "--output_path", f / "o"], 1, ("line 1", "no 'doc'")),
]  # fmt: skip


def imported_from(contents: dict[str, str | bytes], words: tuple[str, ...]) -> Any:
    """The command that imports files of these contents."""

    def command(folder: Path) -> list[Any]:
        written(folder, contents)
        files = [str(folder / word) if (folder / word).exists() else word for word in words]
        return ["import", *files, "--model", "m", "--output_path", folder / "out"]

    return command


CASES += [
    Case("rule that is no JSON", lambda f: ["apply", bytes_in(f, "r.json", b"{"), f / "out"], 1,
         ("r.json", "not JSON")),
    Case("rule that is no text", lambda f: ["apply", bytes_in(f, "r.json", b"\xff"), f / "out"], 1,
         ("r.json", "utf-8")),
    Case("rule that does not exist", lambda f: ["apply", f / "r.json", f / "out"], 2,
         ("no such file", "r.json")),
    Case("rule of another program", rule_with(format="x"), 1, ("apprehend threshold --export",)),
    Case("rule of a later version", rule_with(version=9), 1, ("expected version 1, got 9",)),
    Case("rule whose threshold is no number", rule_with(thresholds={"": "low"}), 1, ("low",)),
    Case("rule without a threshold for other topics", rule_with(thresholds={"law": 1.0}), 1,
         ("all other topics",)),
    Case("rule that decides something else", rule_with(otherwise="guess"), 1, ("abstain or",)),
    Case("rule whose counts fit no edges", rule_with(counts=[1]), 1, ("one count more",)),
    Case("rule with a count beyond whole numbers", rule_with(counts=[1, 2, 10**400]), 1,
         ("none below 0",)),
]  # fmt: skip
CASES += [
    Case(name, imported_from(contents, words), status, says)
    for name, contents, words, status, says in BAD_IMPORTS
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_gets_one_line(case: Case, cli: Run, tmp_path: Path) -> None:
    command = case.command(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = in_process(command, tmp_path)
    if command[0] == "import":
        assert sorted(tmp_path.rglob("*")) == before
    assert "(unexpected;" not in done.stderr
    lines = [line for line in done.stderr.strip().splitlines() if "read as by `" not in line]
    assert done.returncode == case.status, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("apprehend: error: ")
    for text in case.says:
        assert text in lines[0]
    said = lines[0].removeprefix("apprehend: error: ").replace(str(tmp_path), "FOLDER")
    said = said.replace(str(ROOT), "REPOSITORY").replace("|", "\\|")
    line = f"| {case.name} | {case.status} | {said} |\n"
    table = TABLE.read_text(encoding="utf-8")
    if os.environ.get("APPREHEND_WRITE_DOCS"):
        others = {own for own in rows_of(table) if not own.startswith(f"| {case.name} |")}
        TABLE.write_text(HEAD + "".join(sorted({*others, line})), encoding="utf-8")
    elif case.name not in QUOTES_PANDAS or int(pd.__version__.split(".")[0]) >= 3:
        assert line in rows_of(table)


TABLE = ROOT / "docs" / "bad_inputs.md"
QUOTES_PANDAS = ("table: not UTF-8", "table: score beyond floating point")
"""Cases whose messages end in the words of pandas 3; Python 3.10 has pandas 2."""
HEAD = """# Error messages for invalid input

Every error is one line on standard error, with exit status 2 for wrong usage and 1 for anything
else; stored results are untouched. Generated by `APPREHEND_WRITE_DOCS=1 pytest
tests/benchmark/test_errors.py`; `FOLDER` is the folder of the example's files.

| bad input | status | message |
|---|--:|---|
"""


def rows_of(table: str) -> list[str]:
    """Return the rows of the documented table, without its header."""
    return table.removeprefix(HEAD).splitlines(keepends=True)


def test_the_table_of_bad_inputs_is_complete() -> None:
    """Each case above checks its own line."""
    table = TABLE.read_text(encoding="utf-8")
    assert table.startswith(HEAD)
    named = [line.split(" | ")[0].removeprefix("| ") for line in rows_of(table)]
    assert named == sorted(case.name for case in CASES)
    assert len(named) >= 200


def test_debug_shows_the_traceback(cli: Run, tmp_path: Path) -> None:
    done = cli("--debug", "report", tmp_path / "none")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def stored(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "report" not in file.parts
    }


def test_an_estimator_that_fails_costs_nothing_else(embedded_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(embedded_run, folder)
    file = tmp_path / "mine.py"
    file.write_text(
        "from apprehend.estimators import Estimator, Signal\n"
        "class Mine(Estimator):\n"
        "    name = 'mine'\n"
        "    needs = {Signal.ANSWER | Signal.TRACE}\n"
        "    def score(self, signals):\n"
        "        return signals.no_such_thing\n",
        encoding="utf-8",
    )
    before = {k: v for k, v in stored(folder).items() if "/signals/" in k}
    done = in_process(["score", folder, "--estimators", f"random,{file}:Mine"], tmp_path)
    assert done.returncode == 1
    assert "estimator 'mine' failed: AttributeError" in done.stderr.splitlines()[-1]
    table = pd.read_parquet(folder / "embedded" / "mmlu_pro_direct" / "scores.parquet")
    assert set(table.estimator) == {"random"}
    assert {k: v for k, v in stored(folder).items() if "/signals/" in k} == before


def test_a_judge_that_answers_nonsense(tmp_path: Path) -> None:
    """A random model as judge: no reply can be parsed; all else is stored, scored and reported."""
    from models import make_model

    judge = make_model(tmp_path / "babbler", "llama")
    out = tmp_path / "results"
    done = in_process(
        [*RUN, "--data", "embedded", "--tasks", "mmlu_pro_direct_law", "--limit", 12,
         "--judge", "hf", "--judge_args", f"pretrained={judge},max_length=300",
         "--estimators", "token_entropy,masj_complexity", "--output_path", out],
        tmp_path,
    )  # fmt: skip
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 0  # asking again would not help, and all else is there
    assert last.startswith("note: judge babbler gave no readable reply to complexity on any of 12")
    assert "complexity not parsed" in done.stderr
    assert "masj_complexity without a score" in done.stderr
    table = pd.read_parquet(out / "embedded" / "mmlu_pro_direct" / "scores.parquet")
    entropy = table[table.estimator == "token_entropy"]
    judged = table[table.estimator == "masj_complexity"]
    assert entropy.score.notna().all()
    assert judged.score.isna().all()
    assert judged.reason.str.startswith("complexity not parsed").all()
    assert (out / "report" / "metrics.csv").is_file()
