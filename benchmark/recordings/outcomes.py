"""Whether recorded answers are right: words for it, and checks that nothing contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...tasks.files.cells import is_missing, number
from ...tasks.files.file_errors import DataError
from .recorded import ImportedQuestion, Recording, places_named

TRUE = frozenset({"true", "yes", "y", "t", "correct", "right", "pass", "passed", "✓", "✔", "✅"})
FALSE = frozenset(
    {"false", "no", "n", "f", "incorrect", "wrong", "fail", "failed", "✗", "✘", "❌", "x"}
)
MOST_CONTRADICTIONS = 0.05
"""Share of rows in which the outcome may contradict the answers, as after a corrected key."""
MOST_UNREAD = 0.20
"""Share of answers that cannot be read above which the import warns."""


def truth(cell: object) -> bool | None:
    """Parse a bool, 0/1 or a word for it ("False" is False); None for anything else."""
    if isinstance(cell, str):
        text = cell.strip().lower()
        if text in TRUE or text in FALSE:
            return text in TRUE
    value = number(cell)
    return bool(value) if value in (0.0, 1.0) else None


def read_outcomes(
    cells: Sequence[object], fail: Callable[[int, str], DataError]
) -> list[bool | None]:
    """Read a column that says whether each answer was right; None where the cell is empty.

    Raises DataError for what is neither: text, or a share such as 0.37.
    """
    outcomes: list[bool | None] = []
    for row, cell in enumerate(cells):
        if is_missing(cell):
            outcomes.append(None)
            continue
        outcome = truth(cell)
        if outcome is None:
            value = number(cell)
            if value is not None and 0 < value < 1:
                raise fail(row, f"expected true or false, got the share {cell!r}: no 0/1 metric")
            raise fail(row, f"expected true or false, got {cell!r}")
        outcomes.append(outcome)
    return outcomes


def check_consistent(
    outcomes: Sequence[bool | None],
    golds: Sequence[int | None],
    answers: Sequence[int | None],
    places: Sequence[str],
    names: tuple[str, str, str],
) -> str | None:
    """Compare what is said to be right with answer = gold, where both are known.

    Args:
        outcomes: What the recording says.
        golds: Indices of the gold options.
        answers: Indices of the answers.
        places: Where each row stands.
        names: Names of the columns of outcome, gold and answer.

    Returns:
        A warning if few rows contradict each other, None if none does.

    Raises:
        DataError: more than 5 % of the comparable rows do.
    """
    compared = [
        (row, outcome == (gold == answer))
        for row, (outcome, gold, answer) in enumerate(zip(outcomes, golds, answers, strict=True))
        if outcome is not None and gold is not None and answer is not None
    ]
    against = [places[row] for row, agrees in compared if not agrees]
    if not against:
        return None
    outcome_name, gold_name, answer_name = names
    line = (
        f"{outcome_name} contradicts {gold_name} = {answer_name} in {len(against):,} of "
        f"{len(compared):,} rows ({places_named(against)})"
    )
    if len(against) > MOST_CONTRADICTIONS * len(compared):
        raise DataError(f"{line}; leave out the one that is wrong")
    return f"{line}; {outcome_name} counts"


def contradicting(questions: Iterable[ImportedQuestion]) -> list[str]:
    """Return where the questions stand whose outcome is not answer = gold; all three known."""
    return [
        q.place
        for q in questions
        if None not in (q.gold, q.answer, q.correct) and q.correct != (q.answer == q.gold)
    ]


def unread(recording: Recording) -> list[ImportedQuestion]:
    """Return the questions without a readable answer."""
    return [q for q in recording.questions if q.answer is None and q.status is None]


def unread_warning(recording: Recording) -> str | None:
    """Describe the answers that cannot be read, if they are more than 20 %."""
    missed = unread(recording)
    total = len(recording.questions)
    if len(missed) <= MOST_UNREAD * total:
        return None
    blank = sum(question.said is None for question in missed)
    shown = [f"{q.place or q.question_id}: {q.said[:60]!r}" for q in missed if q.said is not None]
    return (
        f"{len(missed):,} of {total:,} answers ({len(missed) / total:.0%}) cannot be read"
        + (f", {blank:,} of them are empty" if blank else "")
        + (f"; for example {places_named(shown, 2)}" if shown else "")
    )
