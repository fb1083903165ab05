"""What can go wrong with one request to an endpoint."""

from __future__ import annotations

from ..console.errors import ApprehendError
from ..console.masking import mask_text


class RequestFailed(Exception):
    """A request that got no usable reply; the message is one line without secrets."""

    def __init__(self, reason: str) -> None:
        # A reply may hold lone surrogates, which no file could take.
        storable = reason.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(mask_text(" ".join(storable.split()))[:300])


class TryAgain(RequestFailed):
    """One that may succeed when it is sent again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class EndpointGone(ApprehendError):
    """The endpoint refuses everything, or does not answer any more."""
