"""Tables on questions and answers: conformal sets, letters, confident errors."""

from __future__ import annotations

import pandas as pd

from ..analyses.confident import ConfidentError
from ..frames.blocks import (
    Cell,
    Column,
    PageTable,
    Shown,
    number_cell,
    shortened,
    table_from_frame,
    text_cell,
)
from ..frames.formatting import plain
from ..metrics.evaluation import ALL


def conformal_tables(conformal: pd.DataFrame) -> list[PageTable]:
    """Tabulate coverage and set size over all questions, and by topic (collapsed)."""
    columns = (
        Shown("topic", "topic", "text"),
        Shown("method", "method", "text"),
        Shown("α", "alpha", "plain3"),
        Shown("n", "n", "count"),
        Shown("coverage", "coverage"),
        Shown("95 % interval", "coverage_low", "interval", "coverage_high"),
        Shown("set size", "set_size"),
        Shown("share of options", "share_of_options", "percent"),
        Shown("singletons", "singletons", "percent"),
        Shown("accuracy", "accuracy", "percent"),
    )
    pooled = conformal["topic"] == ALL
    return [
        table_from_frame(
            conformal[pooled], "Conformal sets, all questions", columns, file="conformal.csv"
        ),
        table_from_frame(
            conformal[~pooled],
            "Conformal sets by topic",
            columns,
            folded=True,
            file="conformal.csv",
        ),
    ]


def position_table(positions: pd.DataFrame) -> PageTable:
    """Tabulate answers by option letter."""
    columns = (
        Shown("letter", "letter", "text"),
        Shown("correct option", "gold", "count"),
        Shown("answered", "predicted", "count"),
        Shown("both", "right", "count"),
        Shown("recall", "recall"),
        Shown("excess share", "excess", "signed"),
    )
    return table_from_frame(positions, "Answers by option letter", columns, file="positions.csv")


def confident_table(errors: list[ConfidentError]) -> PageTable:
    """Tabulate the wrong answers with the lowest scores and their texts."""
    names = ("question", "topic", "score", "text", "answered", "correct answer")
    heads = [Column(name, name != "score") for name in names]
    rows = []
    for error in errors:
        answer = f"{plain(error.answer)}: {shortened(error.answer_text, 200)}".removesuffix(": ")
        gold = f"{plain(error.gold)}: {shortened(error.gold_text, 200)}".removesuffix(": ")
        text = [text_cell(error.question_id), text_cell(error.topic)]
        text.append(number_cell(error.score, lambda value: f"{value:.3g}"))
        rows.append([*text, *map(Cell, (shortened(error.question), answer, gold))])
    return PageTable("Confident and wrong", heads, rows, prose=True)
