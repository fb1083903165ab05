"""The templates and marks of families of thinking models, and scripted models that write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripted_model import HARMONY, MAGISTRAL, QWEN3, R1, write_model

STOP = "\nQuestion:"
THOUGHT = ("Could be [[", "A", "]].\nQuestion: which?", " No.")
ANSWER = ("\n\nThe answer is [[", "B", "]].", "\nQuestion: What else?", " [[C]]")


@dataclass(frozen=True)
class Style:
    """A family of thinking models: its template, and how it marks a thought."""

    template: str
    last: str
    """The last token of its prompts."""
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    special: tuple[str, ...] = ()

    @property
    def pieces(self) -> tuple[str, ...]:
        return (*self.opening, *THOUGHT, *self.closing, *ANSWER)


STYLES = {
    "qwen3": Style(QWEN3, "assistant\n", ("<think>\n",), ("\n</think>",)),
    "deepseek_r1": Style(R1, "<think>\n", (), ("\n</think>",)),
    "magistral": Style(MAGISTRAL, "[/INST]", ("[THINK]",), ("[/THINK]",), ("[THINK]", "[/THINK]")),
    "gpt_oss": Style(
        HARMONY,
        "assistant",
        ("<|channel|>", "analysis", "<|message|>"),
        ("<|end|>", "<|start|>", "assistant ", "<|channel|> ", "final", "<|message|> "),
        ("<|channel|>", "<|message|>", "<|end|>", "<|start|>"),
    ),
}
HARMONY_TEXT = "<|end|><|start|>assistant<|channel|>final<|message|>"


def write_style(folder: Path, style: Style) -> Path:
    """Write the scripted model of a style into a folder, which is returned."""
    # A chain of successors has each token once, gpt-oss writes its marks twice: one piece.
    closing = (HARMONY_TEXT,) if style.template is HARMONY else style.closing
    style = Style(style.template, style.last, style.opening, closing, style.special)
    return write_model(folder, style.last, style.pieces, style.template, style.special)
