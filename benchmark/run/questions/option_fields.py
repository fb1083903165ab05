"""Find the fields of a task's documents that hold the options, by rendering changed documents.

lm-eval's tasks keep options in a list, in a dictionary, or in fields such as ``opa``, ``opb`` …,
and show them by a template of any kind. A field holds the options if marks put in their places
appear in the prompt, once each and in order, and if the prompt is otherwise as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....tasks.topics import MAX_OPTIONS

Document = Mapping[str, Any]
Render = Callable[[Document], str]
_INDEXED = re.compile(r"^(?P<before>.*?)(?P<index>[0-9]|[a-zA-Z])(?P<after>[^0-9a-zA-Z]*)$")
_LABEL = re.compile(r"[\s*]*[(\[]?(?:[A-Z]|[0-9]{1,2})[)\].:]*[\s*]*$")


@dataclass(frozen=True)
class OptionFields:
    """Where documents hold the options: one list or dictionary, perhaps inside another, or several
    fields of one text each."""

    path: tuple[str, ...] = ()
    several: tuple[str, ...] = ()

    def read(self, document: Document) -> list[str]:
        """Return the options' texts; none if the document has no such fields."""
        if self.several:
            values = [document.get(name) for name in self.several]
        else:
            held: Any = document
            for name in self.path:
                held = held.get(name) if isinstance(held, Mapping) else None
            values = list(held.values()) if isinstance(held, Mapping) else held
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return []
        return list(values)

    def written(self, document: Document, texts: Sequence[str]) -> dict[str, Any]:
        """Return the document with other texts in the places of its options."""
        if self.several:
            return {**document, **dict(zip(self.several, texts, strict=True))}
        return _replaced(document, self.path, texts)


def _replaced(held: Document, path: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    name, *deeper = path
    inner = held[name]
    if deeper:
        return {**held, name: _replaced(inner, deeper, texts)}
    if isinstance(inner, Mapping):
        return {**held, name: dict(zip(inner, texts, strict=True))}
    return {**held, name: list(texts)}


@dataclass(frozen=True)
class Layout:
    """A document's prompt, cut at its options: ``pieces[i]`` stands before option i."""

    pieces: tuple[str, ...]
    options: tuple[str, ...]

    @property
    def before(self) -> str:
        """Return what precedes the first option and its label."""
        return _LABEL.sub("", self.pieces[0])


Accept = Callable[[Document, Layout], bool]
"""Says whether what a prompt shows in the places of fields are the document's options."""


def find_fields(document: Document, render: Render, accept: Accept) -> OptionFields | None:
    """Return the fields that hold a document's options; None if there are none.

    The fields with the most options win, and among these the first ones of the document.
    """
    found = []
    for fields in _candidates(document):
        cut = layout(document, render, fields)
        if cut is not None and accept(document, cut):
            found.append((len(cut.options), fields))
    return max(found, key=lambda pair: pair[0], default=(0, None))[1]


def are_labeled(cut: Layout, labels: Sequence[str]) -> bool:
    """Return whether each option of a prompt follows its label, as in ``A. one`` or ``(A) one``.

    A prompt may show two texts that are no options, such as the sentences of a comparison.
    """
    if len(cut.options) != len(labels):
        return False
    bare = [re.escape(label.strip("()[]. :")) for label in labels]
    return all(
        re.search(rf"(?:^|[\s(\[*]){label}[)\].:,\s*-]*$", piece) is not None
        for label, piece in zip(bare, cut.pieces, strict=False)
    )


def layout(
    document: Document, render: Render, fields: OptionFields, check: bool = True
) -> Layout | None:
    """Return a document's prompt cut at its options; None if it does not follow the fields.

    Without ``check``, which takes a second rendering, it may differ from the prompt otherwise.
    """
    options = fields.read(document)
    if not 2 <= len(options) <= MAX_OPTIONS:
        return None
    marks = [f"qz{chr(ord('a') + index)}qz" for index in range(len(options))]
    try:
        marked = render(fields.written(document, marks))
        shown = render(document) if check else ""
    except Exception:  # a template may accept no other texts than its own
        return None
    pieces = []
    for mark in marks:
        piece, found, marked = marked.partition(mark)
        if not found:
            return None
        pieces.append(piece)
    pieces.append(marked)
    if any(mark in piece for mark in marks for piece in pieces):
        return None
    if not check:
        return Layout(tuple(pieces), tuple(option.strip() for option in options))
    for texts in (options, [option.strip() for option in options]):
        if _joined(pieces, texts) == shown:
            return Layout(tuple(pieces), tuple(texts))
    return None


def _joined(pieces: Sequence[str], options: Sequence[str]) -> str:
    return "".join(map("".join, zip(pieces, [*options, ""], strict=True)))


def _candidates(document: Document) -> Iterator[OptionFields]:
    for name, value in document.items():
        if _holds_texts(value):
            yield OptionFields(path=(name,))
        elif isinstance(value, Mapping):
            yield from (OptionFields((name, key)) for key in value if _holds_texts(value[key]))
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for name, value in document.items():
        match = _INDEXED.match(name)
        if match and isinstance(value, str):
            key = (match["before"], match["after"], match["index"].isdigit())
            groups.setdefault(key, []).append(name)
    for names in groups.values():
        ordered = tuple(sorted(names))
        yield from (OptionFields(several=ordered[:size]) for size in range(2, len(ordered) + 1))


def _holds_texts(value: object) -> bool:
    items = list(value.values()) if isinstance(value, Mapping) else value
    return isinstance(items, list) and len(items) > 1 and all(isinstance(i, str) for i in items)


_STEM = ("question", "query", "stem", "sentence", "problem", "input", "text", "goal", "ctx")
_SHORTEST = 12
"""Characters of a field that counts as part of the stem whatever its name is."""


def stem_in(text: str, document: Document) -> str:
    """Return the question in a prompt without its options: from the first to the last field in it.

    Between fields there may be words of the template (a passage, then "Question:"). A prompt in
    which no field occurs is the stem as a whole.
    """
    spans = []
    for name, value in document.items():
        cleaned = value.strip() if isinstance(value, str) else ""
        named = any(word in name.lower() for word in _STEM)
        if cleaned and (named or len(cleaned) >= _SHORTEST):
            start = text.rfind(cleaned)
            if start >= 0:
                spans.append((start, start + len(cleaned)))
    if not spans:
        return text.strip()
    return text[min(start for start, _ in spans) : max(end for _, end in spans)]


def options_in(text: str, labels: Sequence[str]) -> list[str]:
    """Return the texts that follow the labels in a prompt, up to the next label or line's end.

    Empty if the labels do not stand in it in order, each followed by a text.
    """
    places = []
    position = 0
    for label in labels:
        bare = re.escape(label.strip("()[]. :"))
        match = re.compile(rf"(?:(?<=\s)|^)[(\[]?{bare}[)\].:]+\s*", re.M).search(text, position)
        if match is None:
            return []
        places.append((match.start(), match.end()))
        position = match.end()
    ends = [start for start, _ in places[1:]] + [len(text)]
    found = [text[start:end] for (_, start), end in zip(places, ends, strict=True)]
    found = [option.strip().split("\n")[0].strip() for option in found]
    return found if all(found) else []
