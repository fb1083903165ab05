"""Other people's files that must be refused: name, content, command, exit status, message."""

# ruff: noqa: E501

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

TABLE = ("table", "t.csv", "--id", "id", "--answer", "gold", "--prediction", "pred")
JSONL = ("table", "t.jsonl", "--id", "id", "--answer", "gold", "--prediction", "pred")
CORRECT = ("table", "t.csv", "--id", "id", "--correct", "ok")
SAMPLES = "samples_quiz_2026-01-01T00-00-00.000000.jsonl"
SAMPLE: dict[str, Any] = {
    "doc_id": 0, "doc": {"question": "q", "choices": ["a", "b"]}, "target": "0", "acc": 1.0,
    "resps": [[["-1.0", "True"]], [["-2.0", "False"]]],
    "filtered_resps": [["-1.0", "True"], ["-2.0", "False"]],
}  # fmt: skip
RESULT = {"question_id": 1, "options": ["a", "b"], "answer": "A", "category": "law", "pred": "B"}
BATCH = {"custom_id": "q1", "response": {"status_code": 200, "body": {
    "choices": [{"message": {"content": "A"}}]}}, "error": None}  # fmt: skip
OUTPUT = {"id": 1, "prompt": "q", "outputs": [{"text": " A", "logprobs": None}]}
STATE = {"request_states": [{"instance": {"id": "i", "input": {"text": "q"}, "references": [
    {"output": {"text": "a"}, "tags": ["correct"]}, {"output": {"text": "b"}, "tags": []}]},
    "result": {"completions": [{"text": "A"}]}}]}  # fmt: skip
LOG: dict[str, Any] = {"version": 2, "status": "success", "eval": {"task": "t"}, "samples": [
    {"id": 1, "target": "A", "choices": ["a", "b"], "output": {"completion": "A"},
     "scores": {"choice": {"value": "C", "answer": "A"}}}]}  # fmt: skip
DETAILS = {"choices": ["A", "B"], "gold_index": 0, "predictions": [-1.0, -2.0],
           "metrics": {"acc": 1}}  # fmt: skip
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"
HEAD = "id,gold,pred\n"


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def csv(*rows: str, head: str = HEAD) -> str:
    return head + "".join(f"{row}\n" for row in rows)


def changed(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**row, **more}


BAD_IMPORTS: list[
    tuple[str, dict[str, str | bytes], tuple[str, ...], int, tuple[str, ...]]
] = [
    ("file: Git LFS pointer", {"t.csv": POINTER}, TABLE, 1, ("Git LFS pointer", "git lfs pull")),
    ("file: git-annex pointer", {"t.csv": "/annex/objects/MD5E-s3--0.csv"}, TABLE, 1,
     ("git-annex pointer",)),
    ("file: web page", {"t.csv": "<!DOCTYPE html><html></html>"}, TABLE, 1, ("web page",)),
    ("file: old Excel", {"t.csv": b"\xd0\xcf\x11\xe0" + bytes(99)}, TABLE, 1, (".xls",)),
    ("file: pickle", {"t.csv": b"\x80\x04\x95" + bytes(9)}, TABLE, 1, ("pickle",)),
    ("file: Arrow", {"t.csv": b"ARROW1\0\0"}, TABLE, 1, ("Arrow file", "Parquet")),
    ("file: Latin-1", {"t.csv": csv("1,A,A", "é,A,B").encode("latin-1")}, TABLE, 1,
     ("line 3", "0xE9", "--encoding cp1252")),
    ("file: unknown encoding", {"t.csv": csv("1,A,A")}, (*TABLE, "--encoding", "latin-99"), 1,
     ("unknown encoding 'latin-99'",)),
    ("file: truncated gzip", {"t.csv": gzip.compress(csv("1,A,A").encode() * 99)[:-9]}, TABLE, 1,
     ("truncated?",)),
    ("file: row with too few cells", {"t.csv": csv("1,A,A", "2,A")}, TABLE, 1,
     ("line 3", "has 2 cells, but the header has 3")),
    ("file: row with too many cells", {"t.csv": csv("1,A,A", "2,A,B,C")}, TABLE, 1,
     ("line 3", "has 4 cells")),
    ("file: quotation mark that is not closed", {"t.csv": csv('1,A,"A', "2,A,B")}, TABLE, 1,
     ("line 2", "not a readable row")),
    ("file: JSON key twice", {"t.jsonl": '{"id": 1, "gold": "A", "pred": "A", "pred": "B"}\n'},
     JSONL, 1, ("line 1", "'pred' occurs twice")),
    ("file: JSON line cut off", {"t.jsonl": '{"id": 1, "gold": "A", "pred": "A"}\n{"id": 2, "go'},
     JSONL, 1, ("line 2", "not JSON")),
    ("file: JSON of numbers", {"t.jsonl": "[1, 2]"}, JSONL, 1, ("expected an object",)),
    ("columns: one twice", {"t.csv": csv("1,A,B,A", head="id,gold,pred,pred\n")}, TABLE, 2,
     ("several columns 'pred'",)),
    ("columns: other case", {"t.csv": csv("1,A,A", head="ID,gold,pred\n")}, TABLE, 2,
     ("no column 'id'", "found: ID")),
    ("columns: nothing at a nested place", {"t.jsonl": lines({"id": 1, "a": {"b": [1]}})},
     ("table", "t.jsonl", "--id", "id", "--correct", "a.b.1"), 2, ("no column 'a.b.1'",)),
    ("columns: no column per option", {"t.csv": csv("1,A,A")}, (*TABLE, "--option_probs", "p_A,p_B"),
     2, ("no column 'p_A'",)),
    ("ids: one is missing", {"t.csv": csv("1,A,A", ",A,B")}, TABLE, 1, ("line 3", "is missing")),
    ("ids: a number and its text", {"t.jsonl": lines(
        {"id": 1, "gold": "A", "pred": "A"}, {"id": "1", "gold": "A", "pred": "A"})}, JSONL, 1,
     ("line 2", "duplicate id 1, first in line 1")),
    ("ids: a list", {"t.jsonl": lines({"id": [1], "gold": "A", "pred": "A"})}, JSONL, 1,
     ("column 'id'", "no id")),
    ("answers: numbers from 0 or from 1", {"t.csv": csv("1,D,2", "2,A,3")}, TABLE, 1,
     ("holds 2, 3", "--index_base 0 or 1")),
    ("answers: numbers from neither", {"t.csv": csv("1,A,0", "2,D,4")}, TABLE, 1,
     ("neither from 0 (line 3", "nor from 1 (line 2")),
    ("answers: gold of no option", {"t.csv": csv("1,Paris,A", "2,A,B")}, TABLE, 1,
     ("line 2", "got 'Paris'", "--options")),
    ("answers: gold beyond the options", {"t.csv": 'id,gold,pred,o\n1,C,A,"[""x"", ""y""]"\n'},
     (*TABLE, "--options", "o"), 1, ("one of the question's 2 options", "got 'C'")),
    ("answers: index base that is none", {"t.csv": csv("1,A,A")}, (*TABLE, "--index_base", "2"), 2,
     ("--index_base",)),
    ("answers: options that are no list", {"t.csv": "id,gold,pred,o\n1,A,A,x\n"},
     (*TABLE, "--options", "o"), 1, ("line 2, column 'o'", "expected a list")),
    ("answers: 26 options", {"t.jsonl": lines(
        {"id": 1, "gold": "A", "pred": "A", "o": [str(n) for n in range(26)]})},
     (*JSONL, "--options", "o"), 1, ("1 to 25 options, got 26",)),
    ("outcome: a share", {"t.csv": "id,ok\n1,1\n2,0.37\n"}, CORRECT, 1,
     ("line 3", "the share '0.37'")),
    ("outcome: a word", {"t.csv": "id,ok\n1,maybe\n"}, CORRECT, 1, ("got 'maybe'",)),
    ("outcome: nothing in any row", {"t.csv": "id,ok\n1,\n2,\n"}, CORRECT, 1,
     ("no row says whether",)),
    ("outcome: against the answers", {"t.csv": "id,gold,pred,ok\n1,A,A,0\n2,A,B,1\n"},
     (*TABLE, "--correct", "ok"), 1, ("contradicts", "2 of 2 rows (line 2, line 3)")),
    ("probabilities: logits", {"t.jsonl": lines({"id": 1, "gold": "A", "pred": "A", "p": [3, -1]})},
     (*JSONL, "--option_probs", "p"), 1, ("got 3", "--option_logits")),
    ("probabilities: log-probabilities", {"t.jsonl": lines(
        {"id": 1, "gold": "A", "pred": "A", "p": [-0.1, -3]})}, (*JSONL, "--option_probs", "p"), 1,
     ("log-probabilities", "--option_logits")),
    ("probabilities: a sum of 1.2", {"t.jsonl": lines(
        {"id": 1, "gold": "A", "pred": "A", "p": [0.6, 0.6]})}, (*JSONL, "--option_probs", "p"), 1,
     ("sum to at most 1, got 1.2",)),
    ("probabilities: words in the list", {"t.jsonl": lines(
        {"id": 1, "gold": "A", "pred": "A", "p": ["a", "b"]})}, (*JSONL, "--option_probs", "p"), 1,
     ("expected numbers in the list",)),
    ("probabilities: of other options", {"t.jsonl": lines(
        {"id": 1, "gold": "A", "pred": "A", "p": [0.6, 0.4], "o": ["x", "y", "z"]})},
     (*JSONL, "--option_probs", "p", "--options", "o"), 1, ("3 options", "probabilities of 2")),
    ("logits: probabilities", {"t.jsonl": lines({"id": 1, "gold": "A", "pred": "A", "p": [0.6, 0.4]})},
     (*JSONL, "--option_logits", "p"), 1, ("holds probabilities", "--option_probs")),
    ("logits: all minus infinity", {"t.jsonl":
        '{"id": 1, "gold": "A", "pred": "A", "p": [-Infinity, -Infinity]}\n'},
     (*JSONL, "--option_logits", "p"), 1, ("no finite logit",)),
    ("logits and probabilities", {"t.csv": csv("1,A,A")},
     (*TABLE, "--option_logits", "p", "--option_probs", "p"), 2, ("not both",)),
    ("confidence: above 100", {"t.csv": "id,gold,pred,c\n1,A,A,120\n"},
     (*TABLE, "--confidence", "c=c"), 1, ("0 to 100", "got '120'")),
    ("confidence: below 0", {"t.csv": "id,gold,pred,c\n1,A,A,-0.1\n"},
     (*TABLE, "--confidence", "c=c"), 1, ("got '-0.1'",)),
    ("confidence: a word", {"t.csv": "id,gold,pred,c\n1,A,A,high\n"},
     (*TABLE, "--confidence", "c=c"), 1, ("expected a number, got 'high'",)),
    ("confidence: a score's name", {"t.csv": csv("1,A,A")},
     (*TABLE, "--confidence", "c=pred", "--score", "c=pred"), 2, ("is given by --score too",)),
    ("lm-eval: two filters", {SAMPLES: lines(
        changed(SAMPLE, filter="strict"), changed(SAMPLE, filter="flexible"))},
     ("lm-eval", SAMPLES), 2, ("flexible, strict", "--filter")),
    ("lm-eval: unknown filter", {SAMPLES: lines(changed(SAMPLE, filter="strict"))},
     ("lm-eval", SAMPLES, "--filter", "strikt"), 2, ("no filter 'strikt'", "did you mean 'strict'")),
    ("lm-eval: a metric that is a share", {SAMPLES: lines(changed(SAMPLE, acc=0.37))},
     ("lm-eval", SAMPLES), 1, ("line 1", "acc is the share 0.37")),
    ("lm-eval: no metric of right and wrong", {SAMPLES: lines(
        {k: v for k, v in SAMPLE.items() if k != "acc"})}, ("lm-eval", SAMPLES), 1, ("--metric",)),
    ("lm-eval: one document twice", {SAMPLES: lines(SAMPLE, changed(SAMPLE, filter="none"))},
     ("lm-eval", SAMPLES), 1, ("duplicate id 0",)),
    ("lm-eval: one task of two models", {f"a/{SAMPLES}": lines(SAMPLE), f"b/{SAMPLES}": lines(SAMPLE)},
     ("lm-eval", "a", "b"), 1, ("several folders", "--model")),
    ("lm-eval: no such topic", {SAMPLES: lines(SAMPLE)}, ("lm-eval", SAMPLES, "--topic", "area"), 1,
     ("no 'area'",)),
    ("mmlu-pro: results without pred", {"r.json": json.dumps([{"question_id": 1}])},
     ("mmlu-pro", "r.json"), 1, ("column 'options': is missing",)),
    ("mmlu-pro: one question twice", {"r.json": json.dumps([RESULT, RESULT])},
     ("mmlu-pro", "r.json"), 1, ("row 2", "duplicate id 1")),
    ("mmlu-pro: gold of no option", {"r.json": json.dumps([changed(RESULT, answer="C")])},
     ("mmlu-pro", "r.json"), 1, ("'C' names none",)),
    ("mmlu-pro: summaries alone", {"r.json": json.dumps({"law": {"corr": 1, "wrong": 1, "acc": 0.5}})},
     ("mmlu-pro", "r.json"), 1, ("expected a list of results",)),
    ("mmlu-pro: folder without results", {"f/notes.txt": "x"}, ("mmlu-pro", "f"), 2,
     ("no result files",)),
    ("openai: no right answers", {"b.jsonl": lines(BATCH)}, ("openai", "b.jsonl"), 2, ("--gold FILE",)),
    ("openai: right answers of other ids", {"b.jsonl": lines(BATCH), "k.csv": "id,answer\nx,A\n"},
     ("openai", "b.jsonl", "--gold", "k.csv"), 2, ("none of the ids (q1)",)),
    ("openai: right answers without a column", {"b.jsonl": lines(BATCH), "k.csv": "id,right\nq1,A\n"},
     ("openai", "b.jsonl", "--gold", "k.csv"), 2, ("no column 'answer'", "--gold_columns")),
    ("openai: one id twice", {"b.jsonl": lines(BATCH, BATCH), "k.csv": "id,answer\nq1,A\n"},
     ("openai", "b.jsonl", "--gold", "k.csv"), 1, ("line 2", "duplicate id q1")),
    ("openai: reply without choices", {"b.jsonl": lines({"custom_id": "q1", "response": {"body": {}}}),
     "k.csv": "id,answer\nq1,A\n"}, ("openai", "b.jsonl", "--gold", "k.csv"), 1, ("no choices",)),
    ("vllm: no right answers", {"o.jsonl": lines(OUTPUT)}, ("vllm", "o.jsonl"), 2, ("--gold FILE",)),
    ("vllm: no outputs", {"o.jsonl": lines({"id": 1, "prompt": "q"}), "k.csv": "id,answer\n1,A\n"},
     ("vllm", "o.jsonl", "--gold", "k.csv"), 1, ("no outputs",)),
    ("opencompass: gold that is a text", {"p.json": json.dumps(
        {"0": {"origin_prompt": "q", "prediction": "A", "gold": "Paris"}})},
     ("opencompass", "p.json"), 1, ("'Paris'", "--gold FILE")),
    ("opencompass: no gold", {"p.json": json.dumps({"0": {"origin_prompt": "q", "prediction": "A"}})},
     ("opencompass", "p.json"), 2, ("--gold FILE",)),
    ("lighteval: a metric that is a share", {"d.jsonl": lines(changed(DETAILS, metrics={"acc": 0.5}))},
     ("lighteval", "d.jsonl"), 1, ("acc is 0.5",)),
    ("lighteval: no metric of right and wrong", {"d.jsonl": lines(changed(DETAILS, metrics={"f1": 1}))},
     ("lighteval", "d.jsonl"), 1, ("found: f1", "--metric")),
    ("helm: other JSON", {"s.json": json.dumps({"a": 1})}, ("helm", "s.json"), 1, ("no request_states",)),
    ("helm: no right reference", {"s.json": json.dumps(STATE).replace("correct", "c")},
     ("helm", "s.json"), 1, ("0 right ones",)),
    ("helm: references that are none", {"s.json": json.dumps(STATE).replace('"tags": []', '"tags": 3')},
     ("helm", "s.json"), 1, ("not as HELM writes it",)),
    ("inspect: other JSON", {"l.json": json.dumps({"a": 1})}, ("inspect", "l.json"), 1, ("l.json",)),
    ("inspect: several scorers", {"l.json": json.dumps(LOG).replace(
        '"scores": {', '"scores": {"other": {"value": 1}, "more": {"value": 1}, ').replace(
        '"choice": ', '"chosen": ')}, ("inspect", "l.json"), 1, ("--scorer",)),
    ("inspect: a score that is a share", {"l.json": json.dumps(LOG).replace('"C"', "0.5")},
     ("inspect", "l.json"), 1, ("the share 0.5",)),
    ("auto: no known format", {"x.bin": b"\x00\x01\x02"}, ("auto", "x.bin"), 2, ("apprehend list importers",)),
    ("auto: two formats", {f"f/{SAMPLES}": lines(SAMPLE), "f/r.json": json.dumps([RESULT])},
     ("auto", "f"), 2, ("several formats",)),
    ("auto: a table without its columns", {"t.csv": csv("1,A,A")}, ("auto", "t.csv"), 2, ("--id",)),
    ("auto: an option of another format", {SAMPLES: lines(SAMPLE)},
     ("auto", SAMPLES, "--gold", "k.csv"), 2, ("--gold is no option of `apprehend import lm-eval`",)),
]  # fmt: skip


def written(folder: Path, contents: dict[str, str | bytes]) -> None:
    for name, content in contents.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
