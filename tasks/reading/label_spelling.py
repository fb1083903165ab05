"""How an option is named in a cell or a short reply: by its letter, its number or its text."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..files.cells import is_missing

_LATEX = re.compile(
    r"^\$*\s*\\(?:boxed|fbox|text|textbf|textit|mathrm|mathbf|mathit)\s*\{(.*)\}\s*\$*\.?$", re.S
)
_SAID = re.compile(
    r"^(?:so|thus|therefore|hence)?[\s,]*(?:the\s+|my\s+)?(?:(?:correct|final|best|right)\s+)*"
    r"(?:(?:answer|option|choice|label|prediction|réponse|antwort|respuesta|risposta|resposta|ответ)"
    r"\b\s*(?:is\b\s*)?|[\[【「(]?(?:正确|正確|最终|最終|标准)?的?(?:答案|正解|回答|选择|選擇|选项|選項|정답)"
    r"[\]】」)]?\s*(?:应该|应)?[是为為は은]?\s*)[:=\-–]?\s*"
    r"(?:(?:option|choice)\b\s*)?(?=\S)",
    re.IGNORECASE,
)
_PAIRS = (
    ("[[", "]]"), ("**", "**"), ("__", "__"), ("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"),
    ("`", "`"), ("'", "'"), ('"', '"'), ("“", "”"), ("‘", "’"), ("*", "*"), ("_", "_"), ("$", "$"),
)  # fmt: skip
_AFTER = ".:,;)]。、"
_TAGGED = re.compile(r"<(answer|final_answer|choice|option)>(.*)</\1>", re.S | re.I)
_END_MARKS = re.compile(
    r"(?:(?:</s>|<eo[a-z]{1,2}>|<\|[^|<>]{1,40}\|>|<end_of_turn>|\[EOS\])\s*)+[.。]?\s*$"
)
"""What a tokenizer leaves at the end of a reply."""
_KEYS = ("answer", "final_answer", "choice", "option", "label", "prediction")
_WITH_TEXT = re.compile(
    r"^[(\[]?\s*([A-Za-z])\s*(?:[)\]][.:]?|[.:、]|\s[-–—])"
    r"(?:\s+(?=\S)|(?=[《“\u3040-\u9fff\uac00-\ud7af]))(.*)$",
    re.S,
)
_LONGEST = 20_000
"""Maximum characters of a reply that is searched for a spelling."""


@dataclass(frozen=True)
class Spelling:
    """What a cell says: a letter's position from 0, a whole number, or a text.

    Attributes:
        letter: Position of the letter, A = 0.
        number: The number as it stands there.
        text: The text without what marks it as an answer; what follows the label in ``C) text``.
    """

    letter: int | None = None
    number: int | None = None
    text: str = ""


def spelling_of(cell: object) -> Spelling | None:
    r"""Read how a cell names an option; None for a cell that says that there is no answer.

    ``C``, ``c``, ``(C)``, ``C.``, ``[C]``, ``[[C]]``, ``**C**``, ``\boxed{C}``, ``Answer: C`` and
    full-width letters are the letter; ``2``, ``2.0`` and such are numbers; ``C) text`` is the
    letter with its text; a list of one is what is in it; anything else is a text.
    """
    if isinstance(cell, list | tuple):
        return spelling_of(cell[0]) if len(cell) == 1 else Spelling() if cell else None
    if is_missing(cell):
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return Spelling(text=str(cell) if isinstance(cell, bool) else "")
    if isinstance(cell, int | float):
        whole = isinstance(cell, int) or (math.isfinite(cell) and cell.is_integer())
        return Spelling(number=int(cell)) if whole else Spelling(text=str(cell))
    return _spelling_of_text(cell[:_LONGEST])


@lru_cache(maxsize=4096)
def _spelling_of_text(cell: str) -> Spelling:
    text = _plain_signs(cell).strip()
    text = _inside(_END_MARKS.sub("", text).strip())
    bare = _bare(text)
    if len(bare) == 1 and bare.isascii() and bare.isalpha():
        return Spelling(letter=ord(bare.upper()) - ord("A"))
    if re.fullmatch(r"[+-]?[0-9]{1,18}(?:\.0+)?", bare):
        return Spelling(number=int(bare.split(".")[0]), text=text)
    with_text = _WITH_TEXT.match(_SAID.sub("", text, count=1).strip("*_ "))
    if with_text and not _lists(with_text[1], with_text[2]):
        return Spelling(letter=ord(with_text[1].upper()) - ord("A"), text=with_text[2])
    return Spelling(text=text)


def _lists(letter: str, rest: str) -> bool:
    """Whether a text lists options: behind ``A. one`` the next letter opens a line, or a part."""
    following = re.escape(chr(ord(letter) + 1))
    return re.search(rf"[\n;；]\s*[(\[]?{following}\s*[)\].:：、]", rest) is not None


def _inside(text: str) -> str:
    """Return what a tag (``<answer>C</answer>``) or an object (``{"answer": "C"}``) holds."""
    tagged = _TAGGED.search(text)
    if tagged:
        return tagged[2].strip()
    if text.startswith("{") and text.endswith("}"):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return text
        named = [content[k] for k in _KEYS if isinstance(content, dict) and k in content]
        return str(named[0]).strip() if named else text
    return text


def _plain_signs(text: str) -> str:
    """Return full-width and circled signs as plain ones; a superscript 2 stays no number."""
    if text.isascii():
        return text
    kinds = ("<wide>", "<narrow>", "<circle>", "<compat>", "<noBreak>")
    return "".join(
        unicodedata.normalize("NFKC", sign)
        if unicodedata.decomposition(sign).startswith(kinds)
        else sign
        for sign in text
    )


def _bare(text: str) -> str:
    """Take away what marks an answer, from the outside in."""
    before = None
    while text != before and text:
        before = text
        text = text.strip()
        latex = _LATEX.match(text)
        if latex:
            text = latex[1]
        for start, end in _PAIRS:
            if len(text) > len(start + end) and text.startswith(start) and text.endswith(end):
                text = text[len(start) : -len(end)]
                break
        else:
            text = _SAID.sub("", text, count=1)
            text = text[:-1] if len(text) > 1 and text[-1] in _AFTER else text
    return text.strip()


def same_text(one: str, other: str) -> bool:
    """Compare an option's text with what names it: case, blanks, emphasis and end point aside."""
    return plain_text(one) == plain_text(other) != ""


def plain_text(text: str) -> str:
    """Return a text without emphasis, quotes, outer punctuation, case and doubled blanks."""
    plain = unicodedata.normalize("NFKC", text)
    return re.sub(r"\s+", " ", re.sub(r"[*_`\"“”]", "", plain)).strip(" .:;,!").casefold()


def option_named(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the only option whose text this is; None if there is none, or several."""
    fits = [place for place, option in enumerate(options) if option.strip() == text.strip()]
    if len(fits) != 1:
        fits = [place for place, option in enumerate(options) if same_text(option, text)]
    return fits[0] if len(fits) == 1 else None
