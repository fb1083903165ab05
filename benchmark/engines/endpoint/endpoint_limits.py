"""What an endpoint cannot show, and what that means for labels and tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...console.errors import UsageError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LACKS = {
    "answer": {
        "entropy": "an endpoint shows its most likely tokens only",
        "post_answer_entropy": "an endpoint shows its most likely tokens only",
    },
    "trace": {
        "token_entropies": "an endpoint shows its most likely tokens only",
        "token_uniform_kl": "an endpoint shows its most likely tokens only",
    },
    "hidden_state": {"state": "an endpoint shows no hidden states"},
}


def without_logprobs(reason: str) -> dict[str, str]:
    """Columns of traces that an endpoint without log-probabilities lacks, and why."""
    columns = ("token_logprobs", "token_top_logprobs", "option_logprobs", "answer_position")
    return dict.fromkeys((*LACKS["trace"], *columns), f"no log-probabilities: {reason}")


def load_tokenizer(name: object) -> PreTrainedTokenizerBase | None:
    """The tokenizer that was named, or None. Raises UsageError where it cannot be loaded."""
    if name is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(name))
    except (OSError, ValueError) as error:
        raise UsageError(f"--model_args: tokenizer: {first_line(error)}") from error


def check_labels(continuations: Sequence[str]) -> None:
    """Raise UsageError for labels that single tokens cannot tell apart."""
    labels = [continuation.strip() for continuation in continuations]
    for label in labels:
        if any(other != label and other.startswith(label) for other in labels):
            raise UsageError(
                f"an endpoint shows single tokens, and label {label!r} may be the beginning of "
                "another one; use a task with letters"
            )
