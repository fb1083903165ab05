"""``apprehend import openai``: replies of OpenAI's API and of compatible servers, one per line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...tasks.files.identifiers import id_text
from ...tasks.files.json_rows import read_json_rows
from ..console.errors import ApprehendError
from ..recordings.answer_keys import KEY_OPTIONS, read_keys, unknown_ids_note
from ..recordings.recorded import Recording, places_named
from ..recordings.reply_answers import RecordedReply, questions_of
from ..recordings.sniffing import begins_with_object_of
from ..recordings.top_tokens import Top, as_top
from .importer import Importer, as_written_by, one_file

_IDS = ("custom_id", "question_id", "id", "key")


def read_replies(file: Path) -> list[RecordedReply]:
    """Read batch output, or replies (``choices``) as a client stored them.

    Raises ApprehendError or DataError, with file and line, for what is none.
    """
    replies: list[RecordedReply] = []
    seen: dict[str, str] = {}
    for place, row in read_json_rows(file).items():
        identity = next((text for name in _IDS if (text := id_text(row.get(name)))), None)
        if identity is None:
            raise ApprehendError(f"{file}, {place}: no custom_id or id")
        if identity in seen:
            raise ApprehendError(
                f"{file}, {place}: duplicate id {identity}, first in {seen[identity]}"
            )
        seen[identity] = place
        with as_written_by("OpenAI's API", f"{file}, {place}"):
            replies.append(_reply(file, place, identity, row))
    return replies


def _reply(file: Path, place: str, identity: str, row: Mapping[str, Any]) -> RecordedReply:
    result = row.get("result")
    if isinstance(result, Mapping):
        return _of_messages(identity, result, place)
    response = row.get("response", row)
    body = response.get("body", response) if isinstance(response, Mapping) else None
    status = response.get("status_code", 200) if isinstance(response, Mapping) else 0
    if row.get("error") or not isinstance(body, Mapping) or status != 200:
        return RecordedReply(identity, None, place=place)
    if isinstance(body.get("output"), list):
        return _of_responses(identity, body["output"], place)
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        raise ApprehendError(f"{file}, {place}: no choices in the reply; expected batch output")
    message = choice.get("message")
    text = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    tokens, tops = _positions(choice.get("logprobs"))
    return RecordedReply(identity, text if isinstance(text, str) else None, tokens, tops, place)


def _of_messages(identity: str, result: Mapping[str, Any], place: str) -> RecordedReply:
    """Read a result of the batch API of messages: ``{"type": "succeeded", "message": {…}}``."""
    message = result.get("message") if result.get("type") == "succeeded" else None
    parts = (message.get("content") or ()) if isinstance(message, Mapping) else ()
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    return RecordedReply(identity, "".join(texts) if texts else None, place=place)


def _of_responses(identity: str, output: Sequence[Any], place: str) -> RecordedReply:
    """Read the output of the Responses API: the text of its messages."""
    parts = [
        part
        for item in output
        if isinstance(item, Mapping) and item.get("type", "message") == "message"
        for part in item.get("content") or ()
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    ]
    tokens: list[str] = []
    tops: list[Top] = []
    for part in parts:
        more, shown = _positions(part.get("logprobs"))
        tokens += more
        tops += shown
    text = "".join(part["text"] for part in parts) if parts else None
    return RecordedReply(identity, text, tokens, tops, place)


def _positions(logprobs: Any) -> tuple[list[str], list[Top]]:
    """Return tokens and top tokens: of the chat protocol, or of the older text protocol."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else logprobs
    if isinstance(content, list):
        items = [item for item in content if isinstance(item, Mapping)]
        tokens = [str(item.get("token", "")) for item in items]
        tops = [as_top(i.get("top_logprobs"), i.get("token"), i.get("logprob")) for i in items]
        return tokens, list(tops)
    if isinstance(logprobs, Mapping) and isinstance(logprobs.get("tokens"), list):
        tokens = [str(token) for token in logprobs["tokens"]]
        shown = logprobs.get("top_logprobs") or [None] * len(tokens)
        own = logprobs.get("token_logprobs") or [None] * len(tokens)
        return tokens, [as_top(*item) for item in zip(shown, tokens, own, strict=False)]
    return [], []


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    file = one_file(paths)
    notes: list[str] = []
    replies = read_replies(file)
    keys = read_keys(
        options["gold"], options["gold_columns"], options["index_base"], str(file), notes
    )
    notes += unknown_ids_note([reply.id for reply in replies], keys)
    failed = [reply.place for reply in replies if reply.text is None]
    if failed:
        notes.append(f"{len(failed):,} requests have no reply ({places_named(failed)}): unparsed")
    signal, questions = questions_of(replies, keys, notes)
    yield Recording([file], signal, questions, notes=notes, origin={"gold": options["gold"].name})


def _recognizes(path: Path) -> bool:
    kinds = (("custom_id", "response"), ("custom_id", "result"), ("choices", "object"))
    return any(begins_with_object_of(path, *keys) for keys in kinds)


IMPORTER = Importer(
    name="openai",
    summary="Output of OpenAI's batch API, or stored replies; top_logprobs give the options'.",
    files="A JSONL file.",
    recognizes=_recognizes,
    read=_read_paths,
    options=KEY_OPTIONS,
    task="imported",
    rank=3,
)
