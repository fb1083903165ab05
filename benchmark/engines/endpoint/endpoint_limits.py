"""What an endpoint does not show, and the consequences for labels and tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...console.errors import UsageError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_STATES = "an endpoint shows no hidden states"
LACKS = {
    "answer": {
        "entropy": "an endpoint shows its most likely tokens only",
        "post_answer_entropy": "an endpoint shows its most likely tokens only",
        "log_normalizer": "an endpoint shows log-probabilities, not logits",
    },
    "trace": {
        "token_entropies": "an endpoint shows its most likely tokens only",
        "token_uniform_kl": "an endpoint shows its most likely tokens only",
    },
    "hidden_state": {"state": _STATES},
    "layer_answers": {"option_logprobs": _STATES},
    "perturbed_state": {"option_logprobs": _STATES},
    "option_states": {"covariance": _STATES},
    "question_tokens": {"token_logprobs": "an endpoint shows no log-probabilities of a prompt"},
}


def without_logprobs(reason: str) -> dict[str, str]:
    """Return the trace columns that an endpoint without log-probabilities lacks, and why."""
    columns = ("token_logprobs", "token_top_logprobs", "option_logprobs", "answer_position")
    return dict.fromkeys((*LACKS["trace"], *columns), f"no log-probabilities: {reason}")


def load_tokenizer(name: object) -> PreTrainedTokenizerBase | None:
    """Load the named tokenizer; None for no name. Raises UsageError if it cannot be loaded."""
    if name is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(name))
    except (OSError, ValueError) as error:
        raise UsageError(f"--model_args: tokenizer: {first_line(error)}") from error


def check_labels(continuations: Sequence[str]) -> None:
    """Raise UsageError for labels of which one is a prefix of another."""
    labels = [continuation.strip() for continuation in continuations]
    for label in labels:
        if any(other != label and other.startswith(label) for other in labels):
            raise UsageError(
                f"an endpoint shows single tokens, and label {label!r} may be the prefix of "
                "another one; use a task with letters"
            )
