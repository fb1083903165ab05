"""Probe of the question's own tokens: how likely the model finds the text it is asked about."""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal
from ....tasks.question_view import QuestionView
from ...engines.shared.engine import Ability, Failed
from ...engines.shared.text_reader import TextReader
from ...store.stored_rows import Record
from .probe import AnyProbe
from .probe_options import Item


class QuestionTokens(AnyProbe):
    """One pass over stem and options, without template, instruction or examples."""

    signal = Signal.QUESTION_TOKENS
    ability = Ability.OWN_TOKENS

    def collect(self, part: Sequence[Item]) -> list[Record | Failed]:
        engine = self.engine
        if not isinstance(engine, TextReader):
            raise TypeError(f"{engine.name}: does not read texts")
        texts = [plain_text(task.view(question)) for task, question in part]
        return [
            {"tokens": read.tokens, "token_logprobs": read.logprobs}
            for read in engine.token_logprobs(texts)
        ]


def plain_text(question: QuestionView) -> str:
    """Return stem and labeled options, a line each."""
    options = zip(question.labels, question.options, strict=True)
    return "\n".join([question.stem, *(f"{label}. {text}" for label, text in options)])
