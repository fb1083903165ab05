"""Fuzz targets: every parser of external input.

Each takes bytes, and returns a result or raises a one-line error of its own; anything else is a
failure. ``test_fuzz.py`` draws the bytes with hypothesis, ``fuzz_guided.py`` lets atheris search
for them.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import format_files
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apprehend.benchmark.console.errors import ApprehendError
from apprehend.benchmark.endpoints.reply_json import parse
from apprehend.benchmark.endpoints.request_errors import RequestFailed
from apprehend.benchmark.engines.endpoint.replies import read_chat, read_text
from apprehend.benchmark.engines.endpoint.tokens import label_logprobs
from apprehend.benchmark.importers.importer import importers
from apprehend.benchmark.importers.lm_eval_samples import read_samples
from apprehend.benchmark.importers.mmlu_pro_results import read_results
from apprehend.benchmark.importers.table import TableColumns, read_table
from apprehend.benchmark.judges.judge import HTTPJudge
from apprehend.benchmark.reporting.deciding import read_rule_file
from apprehend.benchmark.store.checks.verifying import findings
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.tasks.data_errors import DataError
from apprehend.tasks.dataset import read_questions
from apprehend.tasks.questionnaires import QUESTIONNAIRES, read_rating
from apprehend.tasks.reading.parsing import parse_marked_label
from apprehend.tasks.self_report_prompts import SELF_REPORTS
from format_files import Answers, Writer

LABELS = list("ABCDEFGHIJ")
CORPUS = [
    "", "[[", "]]", "[[]]", "[[ ]]", "[[A]]", "[[a]]", "[[A]] [[Z]]", "[[10]]", "[[[A]]]",
    "[[A\n]]", "[[0.9]]", "0.9", "[[.5]]", "[[1e999]]", "[[-1]]", "[[nan]]", "[[1]] of [[10]]",
    "[[９]]", "[[½]]", "[[٣]]", "[[²]]", "[[0-100, 85]]", "[[high school or less]]",
    "[[knowledge: yes, reasoning: no]]",
    "[[knowledge: yes, reasoning: yes, number of reasoning steps: high]]", "\x00", "\ud800",
    "[[\u202eA]]", "<script>alert(1)</script>", "\\input{x} $\\frac{1}{2}$", "A" * 100_000,
    "[[" * 10_000, "[[100%]]", "[[101%]]", "[[A: 90%, B: 5%]]", "[[certain]]", "[[almost certain]]",
]  # fmt: skip
GOOD_ROW = {"id": 1, "gold": "A", "pred": "B", "h": 0.5, "p": [0.5, 0.5], "t": "law"}
COLUMNS = TableColumns(
    id="id", topic="t", answer="gold", prediction="pred", correct=None, scores={"h": "h"},
    option_logits=None, option_probs="p", question=None, options=None, where={},
)  # fmt: skip
SAMPLE = {
    "doc_id": 0, "doc": {"question_id": 1, "question": "x", "options": ["a", "b"], "answer": "A",
                         "category": "law"},
    "target": "A", "resps": [[["-1.0", "True"]], [["-2.0", "False"]]],
    "filtered_resps": [["-1.0", "True"], ["-2.0", "False"]], "acc": "1.0", "exact_match": 1.0,
}  # fmt: skip
RESULT = {"question_id": 1, "question": "x", "options": ["a", "b"], "answer": "A",
          "answer_index": 0, "category": "law", "pred": "B", "model_outputs": "so B"}  # fmt: skip
QUESTION = {"question_id": 1, "question": "x", "options": ["a", "b"], "answer": "A",
            "category": "law", "src": "s"}  # fmt: skip
CHOICES: dict[str, Any] = {"id": "1", "question": "Which?", "answerKey": "B",
                           "choices": {"text": ["a", "b"], "label": ["A", "B"]}}  # fmt: skip
MANIFEST = {"schema_version": 1, "created": "x", "model": {"engine": "hf"}, "task": {}, "data": {},
            "command": ["apprehend", "run"], "judges": {"j": {"engine": "hf"}},
            "costs": {}}  # fmt: skip
TEXT_REPLY = {"choices": [{"text": " A", "finish_reason": "stop", "logprobs": {
    "tokens": [" A"], "token_logprobs": [-0.1], "top_logprobs": [{" A": -0.1, " B": -3.0}]}}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 1}}  # fmt: skip
CHAT_REPLY = {"choices": [{"message": {"content": "A"}, "finish_reason": None, "logprobs": {
    "content": [{"token": "A", "logprob": -0.1, "top_logprobs": [{"token": "B", "logprob": -9999}]}]
    }}], "usage": None}  # fmt: skip
Check = Callable[[bytes], None]


def read_replies(text: str) -> None:
    """Run every parser of generated text on the input."""
    for questionnaire in QUESTIONNAIRES.values():
        verdict = questionnaire.read(text)
        assert (verdict.value is None) != (verdict.reason is None)
        assert verdict.value is None or 0 <= verdict.value <= 1
        start = questionnaire.label_start(text)
        assert start is None or 0 <= start <= len(text)
    rating = read_rating(text)
    assert rating is None or 1 <= rating <= 10
    found = parse_marked_label(text, LABELS)
    assert found is None or (0 <= found.index < 10 and 0 <= found.start < len(text))
    for report in SELF_REPORTS.values():
        said = report.read(text, LABELS)
        assert (said.value is None) == (said.reason is not None)
        assert said.value is None or 0 <= said.value <= 1


def _endpoints(_: Path) -> Check:
    """Run every parser of endpoint replies on the input."""

    def check(content: bytes) -> None:
        for read in (read_text, read_chat, HTTPJudge._text):
            try:
                reply = parse(content, "json")
                found = read(None, reply) if read is HTTPJudge._text else read(reply)  # type: ignore[call-arg,arg-type]
            except RequestFailed as error:
                one_reason(str(error))
                continue
            text = found if isinstance(found, str) else found.text
            text.encode("utf-8")
            for token in () if isinstance(found, str) else found.tokens:
                assert token.logprob <= 0
                assert 0 <= token.missing_mass <= 1
                values, _ = label_logprobs(token, ["A", "B"])
                assert all(value <= 0 for value in values)
            assert isinstance(found, str) or -1 <= found.prompt_tokens < 2**63

    return check


def one_reason(text: str) -> None:
    """What is stored in the place of a row."""
    assert text == " ".join(text.split())
    assert 10 < len(text) <= 300
    text.encode("utf-8")


def one_line(error: Exception) -> None:
    """The command line folds whitespace, which third-party column names may contain."""
    assert len(" ".join(str(error).split())) > 10
    assert len(str(error)) < 5000


def _replies(_: Path) -> Check:
    return lambda content: read_replies(content.decode("utf-8", "replace"))


def _of_a_file(name: str, read: Callable[[Path], Any]) -> Callable[[Path], Check]:
    def made(folder: Path) -> Check:
        file = folder / name

        def check(content: bytes) -> None:
            file.write_bytes(content)
            try:
                read(file)
            except (ApprehendError, DataError) as error:
                one_line(error)

        return check

    return made


def _rows_of_a_table(file: Path) -> None:
    for question in read_table(file, COLUMNS):
        assert question.correct in (True, False, None)


def _manifests(folder: Path) -> Check:
    store = TaskStore(folder / "m" / "t")
    store.path.mkdir(parents=True, exist_ok=True)

    def check(content: bytes) -> None:
        (store.path / "manifest.json").write_bytes(content)
        store.forget()
        try:
            assert isinstance(store.manifest, dict)
            _ = store.contract
        except ApprehendError as error:
            one_line(error)
        assert all(str(finding) for finding in findings(store))

    return check


@dataclass(frozen=True)
class Target:
    """A reader under test.

    Attributes:
        seeds: inputs to begin with, some good, some that once broke something or might.
        make: a folder to write in → the check of some bytes.
    """

    seeds: list[bytes]
    make: Callable[[Path], Check]


DEEP = b"[" * 3000
LARGE = b'{"id": ' + b"9" * 5000 + b', "question_id": ' + b"9" * 5000 + b"}"
TWISTED = [DEEP, LARGE, b"[" + LARGE + b"]"]
"""JSON that is too deep, or whose numbers are too large, for Python's reader."""


def _lines(*rows: Any) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def _parquet(row: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row, row]), buffer)
    return buffer.getvalue()


def _bad_text(row: dict[str, Any], column: str) -> bytes:
    """A Parquet file whose text is not UTF-8."""
    table = pa.Table.from_pylist([row])
    offsets = pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00")
    bad = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\x91\xff")])
    buffer = io.BytesIO()
    pq.write_table(table.set_column(table.column_names.index(column), column, bad), buffer)
    return buffer.getvalue()


def _repacked(content: bytes, method: int, flags: int) -> bytes:
    """An archive that says to be packed in another way, or encrypted."""
    found = bytearray(_zipped(content))
    central = found.rindex(b"PK\x01\x02")
    for at, value in ((8, method), (6, flags)):
        found[at : at + 2] = value.to_bytes(2, "little")
        found[central + at + 2 : central + at + 4] = value.to_bytes(2, "little")
    return bytes(found)


def _zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("law_result.json", content)
    return buffer.getvalue()


RULE = (
    b'{"format": "apprehend rule", "version": 1, "model": "m", "task": "t", "estimator": "e", '
    b'"thresholds": {"": 0.5, "law": null}, "otherwise": "abstain", "edges": [2, 3], '
    b'"counts": [1, 2, 3], "settings": {}}'
)
SAMPLES_FILE = "samples_mmlu_pro_direct_law_2026-01-01T00-00-00.000000.jsonl"


def _long_name() -> bytes:
    """An archive whose first header claims a name of 6,000 bytes, which zipfile quotes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("samples/1_epoch_1.json", b"\xff" * 9000)
        archive.writestr("header.json", "{}")
    content = bytearray(written.getvalue())
    content[26:28] = (6000).to_bytes(2, "little")
    return bytes(content)


LONG_NAME = _long_name()


def _misnamed(header: bytes) -> bytes:
    """An archive with a name that says it is UTF-8 and is not, behind the given kind of header."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("samples/\u00fc.json", "[]")
    content = bytearray(written.getvalue())
    place = content.index("\u00fc".encode(), content.index(header))
    content[place : place + 2] = b"\xcc\xcc"
    return bytes(content)


MISNAMED = [_misnamed(header) for header in (b"PK\1\2", b"PK\3\4")]


def _log(importer: str, write: Writer, *more: bytes) -> Target:
    """The importer of a format, begun with a file as its program writes it."""

    def read(file: Path) -> None:
        declared = importers()[importer]
        options = {name: option.default for name, option in declared.options.items()}
        options["task"] = declared.task
        if "gold" in options:
            gold = file.with_name("gold.csv")
            gold.write_text("id,answer,topic\nq-0,A,law\nq-1,B,math\n")
            options["gold"] = gold
        for recording in declared.read([file], options):
            for question in recording.questions:
                assert question.correct in (True, False, None)

    with tempfile.TemporaryDirectory() as folder:
        written = write(Path(folder), Answers(np.log([[0.7, 0.1, 0.1, 0.1]] * 2), np.array([0, 1])))
        file = min((f for f in [written, *written.rglob("*")] if f.is_file()), key=lambda f: f.name)
        return Target([file.read_bytes(), *more], _of_a_file(file.name, read))


TARGETS = {
    "helm.json": _log("helm", format_files.helm, *TWISTED),
    "inspect.json": _log("inspect", format_files.inspect_json, *TWISTED),
    "inspect.eval": _log("inspect", format_files.inspect_eval, LONG_NAME, *MISNAMED),
    "lighteval.parquet": _log("lighteval", format_files.lighteval),
    "openai.jsonl": _log("openai", format_files.openai, *TWISTED),
    "opencompass.json": _log("opencompass", format_files.opencompass, *TWISTED),
    "vllm.jsonl": _log("vllm", format_files.vllm, *TWISTED),
    "replies": Target([text.encode("utf-8", "replace")[:2000] for text in CORPUS], _replies),
    "table.jsonl": Target([_lines(GOOD_ROW), *TWISTED], _of_a_file("t.jsonl", _rows_of_a_table)),
    "table.csv": Target(
        [b'id,gold,pred,h,p,t\n1,A,B,0.5,"[0.5, 0.5]",law\n'],
        _of_a_file("t.csv", _rows_of_a_table),
    ),
    "table.parquet": Target(
        [_parquet(GOOD_ROW), _bad_text(GOOD_ROW, "pred")], _of_a_file("t.parquet", _rows_of_a_table)
    ),
    "lm_eval": Target(
        [_lines(SAMPLE), *TWISTED], _of_a_file(SAMPLES_FILE, lambda file: read_samples([file]))
    ),
    "mmlu_pro.json": Target(
        [json.dumps([RESULT]).encode(), *TWISTED], _of_a_file("o.json", read_results)
    ),
    "mmlu_pro.zip": Target(
        [
            _zipped(json.dumps([RESULT]).encode()),
            _zipped(DEEP),
            *(_repacked(b"[]", method, flags) for method, flags in ((99, 0), (8, 1), (9, 0))),
            *MISNAMED,
        ],
        _of_a_file("o.zip", read_results),
    ),
    "data.jsonl": Target([_lines(QUESTION), *TWISTED], _of_a_file("d.jsonl", read_questions)),
    "data.csv": Target(
        [b"id,question,A,B,answer\n1,Which?,a,b,B\n", b"Which?,a,b,c,d,A\nWhy?,a,b,c,d,B\n"],
        _of_a_file("d.csv", read_questions),
    ),
    "data_choices.jsonl": Target(
        [_lines(CHOICES), _lines({**CHOICES, "choices": json.dumps(CHOICES["choices"])})],
        _of_a_file("d.jsonl", read_questions),
    ),
    "data.parquet": Target(
        [_parquet(QUESTION), _bad_text(QUESTION, "src")], _of_a_file("d.parquet", read_questions)
    ),
    "endpoint": Target(
        [
            *(json.dumps(reply).encode() for reply in (TEXT_REPLY, CHAT_REPLY)),
            json.dumps(CHAT_REPLY).encode().replace(b'"A"', b'"\\ud83d"'),
            json.dumps(TEXT_REPLY).encode().replace(b"-0.1", b"-" + b"9" * 400),
            json.dumps(TEXT_REPLY).encode().replace(b'" B"', b'" A"'),
            *TWISTED,
        ],
        _endpoints,
    ),
    "rule": Target(
        [RULE, RULE.replace(b"0.5", b"1e999"), RULE.replace(b"2, 3", b"NaN"), *TWISTED],
        _of_a_file("rule.json", read_rule_file),
    ),
    "manifest": Target([json.dumps(MANIFEST).encode(), *TWISTED], _manifests),
}
