"""Errors of a request to an endpoint."""

from __future__ import annotations

from ..console.errors import ApprehendError
from ..console.masking import mask_text


class RequestFailed(Exception):
    """A request without a usable reply; the message is one line without secrets."""

    def __init__(self, reason: str) -> None:
        # A reply may contain lone surrogates, which cannot be written to a file.
        storable = reason.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(mask_text(" ".join(storable.split()))[:300])


class TryAgain(RequestFailed):
    """A failed request that may succeed when it is retried."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class EndpointGone(ApprehendError):
    """The endpoint rejects every request, or has stopped responding."""
