"""Questions for the explorer, and the data of a written explorer read back without a browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from apprehend.reports import (
    AnswerRecord,
    Detail,
    Explored,
    JudgementRecord,
    QuestionText,
    SampleRecord,
    StatementRecord,
    TraceRecord,
    write_explorer,
)
from apprehend.reports.page.page import render_page

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "line\u2028separator",
    "bidi \u202etxet desrever\u202c",
    "\x1b[31mred",
    "]]> & <!-- 𝒳 é 模型",
)


@dataclass
class Case:
    """A model on a task with n made-up questions."""

    n: int
    estimators: int = 3
    model: str = "plain-model"
    task: str = "mmlu_pro_direct"
    seed: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        ids = np.arange(self.n)
        self.ids = [str(i) for i in ids]
        self.topics = [
            f"topic {i % 14:02d} {HOSTILE[0] if i % 14 == 3 else ''}".strip() for i in ids
        ]
        self.gold = np.random.default_rng(1).integers(10, size=self.n)
        self.answer = np.where(rng.random(self.n) < 0.5, self.gold, rng.integers(10, size=self.n))
        self.answer[:: self.n // 5 or 1] = -1
        self.correct = (self.answer == self.gold).astype(np.int64)
        self.status = ["unparsed" if a < 0 else "parsed" for a in self.answer]
        self.texts = [f"Question {i}: {HOSTILE[i % len(HOSTILE)]} why?" for i in ids]
        self.scores = {}
        for k in range(self.estimators):
            values = np.round(rng.random(self.n), 2 + k)  # ties
            values[rng.random(self.n) < 0.02 * k] = np.nan
            self.scores[HOSTILE[0] if k == 1 else f"estimator_{k}"] = values
        self.stratum = [None if i % 10 == 0 else ("low", "high")[i % 2] for i in ids]
        self.prompted = np.where(rng.random(self.n) < 0.7, self.answer, 0)

    def detail(self, i: int) -> Detail:
        text = f"First {HOSTILE[i % len(HOSTILE)]} so the answer is [[B]]."
        ends = [5, 6, len(text) - 4, len(text)]
        at = text.index("B]]")
        return Detail(
            probabilities=[0.5, 0.25, *[0.25 / 8] * 8],
            rule="marker",
            reasons={name: HOSTILE[0] for name, v in self.scores.items() if np.isnan(v[i])},
            trace=TraceRecord(text, facts=["no tokens stored"])
            if i == 3
            else TraceRecord(
                text, None, ends, [0.1, 2.0, np.nan, 0.53], "entropy", 2, (at, at + 1), ["4 tokens"]
            ),
            samples=[SampleRecord("cot", [1, 1, -1], [HOSTILE[1], "b", None], 0.7)],
            orders=[AnswerRecord("0", 1, [0.4, 0.6]), AnswerRecord("1", 0, [0.9, 0.1])],
            prompted=[AnswerRecord("paraphrase_1", int(self.prompted[i]), [])],
            statements=[StatementRecord("one_step", np.nan, HOSTILE[2], "not parsed")],
            judgements=[
                JudgementRecord("complexity", HOSTILE[0], 0.4, ["high"], 9.0, HOSTILE[3], "9", None)
            ],
        )

    def explored(self) -> Explored:
        def texts() -> Iterator[QuestionText]:
            return (QuestionText(text, [f"option {k}" for k in range(10)]) for text in self.texts)

        return Explored(
            model=self.model,
            task=self.task,
            question_ids=self.ids,
            topics=self.topics,
            labels=list("ABCDEFGHIJ"),
            gold=self.gold,
            answer=self.answer,
            correct=self.correct,
            status=self.status,
            beginnings=self.texts,
            strata={"reasoning_steps": self.stratum},
            scores=self.scores,
            prompted={"paraphrase_1": self.prompted},
            texts=texts,
            details=lambda: map(self.detail, range(self.n)),
            notes=self.notes,
        )


def write_page(folder: Path, cases: list[Case], embed: bool = False) -> Path:
    """A page that holds nothing but the explorer."""
    part = write_explorer((case.explored() for case in cases), len(cases), folder, embed)
    settings = {"rows": "all", "replicates": 0, "seed": 0, "additions": [part]}
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    page.write_text(render_page([], [], [], settings), encoding="utf-8")
    return page


class Written:
    """The data of a page's explorer."""

    def __init__(self, page: Path) -> None:
        self.folder = page.parent / "explorer"
        self.html = page.read_text(encoding="utf-8")
        found = re.search(
            r'<script type="application/json" id="explorer-index">(.*?)</script>', self.html
        )
        assert found is not None
        self.entries: list[dict[str, Any]] = json.loads(found[1])["entries"]

    def bytes(self, name: str) -> bytes:
        inside = re.search(
            rf'<script type="text/plain" id="data-{name}">([\w+/=]*)</script>', self.html
        )
        if inside is not None:
            return gzip.decompress(base64.b64decode(inside[1]))
        call = (self.folder / f"{name}.js").read_text(encoding="ascii")
        match = re.fullmatch(rf'apprehendData\("{name}","([\w+/=]*)"\);\n', call)
        assert match is not None
        return gzip.decompress(base64.b64decode(match[1]))

    def json(self, name: str) -> Any:
        return json.loads(self.bytes(name))

    def array(self, name: str, kind: str) -> Any:
        return np.frombuffer(self.bytes(name), kind)

    def rows(self, pieces: list[Any]) -> list[Any]:
        rows: list[Any] = []
        for begin, name in pieces:
            assert begin == len(rows)
            rows += self.json(name)
        return rows

    def scores(self, entry: dict[str, Any]) -> dict[str, Any]:
        table = self.array(entry["scores"], "<f4").reshape(len(entry["estimators"]), entry["n"])
        return dict(zip(entry["estimators"], table, strict=True))
