"""Label tokens on tokenizers that ship inside packages: byte-level, SentencePiece, tekken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mistral_common
import pytest
from apprehend.benchmark.engines.shared.labels import LabelReader
from apprehend.tasks.dataset import embedded_file
from apprehend.tasks.topics import letters, numbers
from models import make_tokenizer
from transformers import AutoTokenizer

DATA = Path(mistral_common.__file__).parent / "data"


def _mistral(name: str) -> tuple[Any, dict[str, int], Any]:
    """(encode, vocabulary, decode) of a tokenizer of mistral-common."""
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    inner = MistralTokenizer.from_file(str(DATA / name)).instruct_tokenizer.tokenizer
    pieces = [inner.id_to_piece(i) for i in range(inner.n_words)]
    vocabulary: dict[str, int] = {}
    for index, piece in enumerate(pieces):
        vocabulary.setdefault(piece, index)
    return (lambda text: inner.encode(text, bos=True, eos=False)), vocabulary, inner.decode


def _transformers(tokenizer: Any) -> tuple[Any, dict[str, int], Any]:
    return tokenizer.encode, tokenizer.get_vocab(), tokenizer.decode


TOKENIZERS = {
    "tekken": lambda: _mistral("tekken_240911.json"),
    "sentencepiece v1": lambda: _mistral("tokenizer.model.v1"),
    "sentencepiece v3": lambda: _mistral("mistral_instruct_tokenizer_240323.model.v3"),
    "byte-level": lambda: _transformers(make_tokenizer()),
    "embedded": lambda: _transformers(AutoTokenizer.from_pretrained(embedded_file("model"))),
}


@pytest.fixture(params=TOKENIZERS, scope="module")
def tokenizer(request: Any) -> tuple[Any, dict[str, int], Any]:
    return TOKENIZERS[request.param]()


@pytest.mark.parametrize("ending", ["\nAnswer:", "<|assistant|>\n", "\nAnswer: ("])
@pytest.mark.parametrize("labels", [letters(20), numbers(10)], ids=["letters", "numbers"])
def test_paths_write_the_label(
    tokenizer: tuple[Any, dict[str, int], Any], ending: str, labels: list[str]
) -> None:
    encode, vocabulary, decode = tokenizer
    reader = LabelReader(encode, vocabulary)
    context = "Question: which?" + ending
    ids = encode(context)
    space = " " if ending.endswith(":") else ""
    read = reader.read(context, ids, tuple(space + label for label in labels))
    taken: dict[tuple[int, ...], str] = {}
    for label, tokens in zip(labels, read, strict=True):
        assert tokens.requested in tokens.variants or any(
            tokens.requested[: len(path)] == path for path in tokens.variants
        )
        for path in tokens.variants:
            assert decode(list(path)).strip() == label
            assert taken.setdefault(path, label) == label
        assert encode(context + space + label)[len(ids) :] == list(tokens.requested)


def test_both_spacings_of_a_letter_are_merged(tokenizer: tuple[Any, dict[str, int], Any]) -> None:
    encode, vocabulary, _ = tokenizer
    context = "Question: which?\nAnswer:"
    (label,) = LabelReader(encode, vocabulary).read(context, encode(context), (" A",))
    assert len(label.variants) == 2


def test_ten_is_not_one(tokenizer: tuple[Any, dict[str, int], Any]) -> None:
    encode, vocabulary, _ = tokenizer
    context = "Question: which?\nAnswer:"
    reader = LabelReader(encode, vocabulary)
    one, ten = reader.read(context, encode(context), (" 1", " 10"))
    assert not set(one.variants) & set(ten.variants)


def test_looked_up_once_per_ending() -> None:
    calls = []
    tokenizer = make_tokenizer()

    def encode(text: str) -> list[int]:
        calls.append(text)
        return list(tokenizer.encode(text))

    reader = LabelReader(encode, tokenizer.get_vocab())
    for number in range(20):
        context = f"Question {number}?\nAnswer:"
        reader.read(context, tokenizer.encode(context), (" A", " B"))
    assert len(calls) == 4
