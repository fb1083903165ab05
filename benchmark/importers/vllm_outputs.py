"""``apprehend import vllm``: request outputs of vLLM as JSON, with the top log-probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...tasks.files.identifiers import id_text
from ...tasks.files.json_rows import read_json_rows
from ..console.errors import ApprehendError
from ..recordings.answer_keys import KEY_OPTIONS, read_keys, unknown_ids_note
from ..recordings.recorded import Recording
from ..recordings.reply_answers import RecordedReply, questions_of
from ..recordings.sniffing import begins_with_object_of
from ..recordings.top_tokens import Top, as_top
from .importer import Importer, as_written_by, one_file

_IDS = ("question_id", "custom_id", "id", "request_id")


def read_outputs(file: Path) -> list[RecordedReply]:
    """Read request outputs: ``{"id", "prompt", "outputs": [{"text", "logprobs": [{…}]}]}``.

    Raises ApprehendError or DataError, with file and line, for what is none.
    """
    replies: list[RecordedReply] = []
    seen: dict[str, str] = {}
    for place, row in read_json_rows(file).items():
        identity = next((text for name in _IDS if (text := id_text(row.get(name)))), None)
        outputs = row.get("outputs")
        output = outputs[0] if isinstance(outputs, list) and outputs else None
        if identity is None:
            raise ApprehendError(f"{file}, {place}: no id or request_id")
        if not isinstance(output, Mapping) or not isinstance(output.get("text"), str):
            raise ApprehendError(f"{file}, {place}: no outputs with a text; expected vLLM's output")
        if identity in seen:
            raise ApprehendError(
                f"{file}, {place}: duplicate id {identity}, first in {seen[identity]}"
            )
        seen[identity] = place
        with as_written_by("vLLM", f"{file}, {place}"):
            tokens, tops = _positions(output)
        replies.append(RecordedReply(identity, output["text"], tokens, tops, place))
    return replies


def _positions(output: Mapping[str, Any]) -> tuple[list[str], list[Top]]:
    """Return the generated tokens, as far as they are known, and the top tokens per position.

    Where the ids of the generated tokens are not logged, that of rank 1, or else the likeliest, is
    the token of greedy decoding.
    """
    tops = [
        as_top(position) for position in output.get("logprobs") or () if isinstance(position, dict)
    ]
    ids = output.get("token_ids")
    tokens: list[str] = []
    for place, position in enumerate(output.get("logprobs") or ()):
        if not isinstance(position, Mapping):
            continue
        own = str(ids[place]) if isinstance(ids, list) and place < len(ids) else None
        entry = position.get(own) if own is not None else None
        if isinstance(entry, Mapping):
            tokens.append(str(entry.get("decoded_token", "")))
        else:
            tokens.append(max(tops[len(tokens)], key=lambda item: item[1], default=("", 0.0))[0])
    return tokens, list(tops)


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    file = one_file(paths)
    notes: list[str] = []
    replies = read_outputs(file)
    keys = read_keys(
        options["gold"], options["gold_columns"], options["index_base"], str(file), notes
    )
    notes += unknown_ids_note([reply.id for reply in replies], keys)
    signal, questions = questions_of(replies, keys, notes)
    yield Recording([file], signal, questions, notes=notes, origin={"gold": options["gold"].name})


IMPORTER = Importer(
    name="vllm",
    summary="Request outputs of vLLM; their top log-probabilities give the options'.",
    files="A JSONL or JSON file.",
    recognizes=lambda path: begins_with_object_of(path, "outputs", "prompt"),
    read=_read_paths,
    options=KEY_OPTIONS,
    task="imported",
    rank=3,
)
