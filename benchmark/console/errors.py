"""Errors that the command line prints as one line on standard error."""

from __future__ import annotations

from ...tasks.data_errors import did_you_mean, first_line, without_middle


class ApprehendError(Exception):
    """A failure whose message is one complete line. Exit status 1."""

    exit_status = 1


class UsageError(ApprehendError):
    """Wrong usage, such as an invalid option value or an unknown name. Exit status 2."""

    exit_status = 2


_EXTRAS = {
    **dict.fromkeys(("lm_eval", "datasets", "tenacity", "aiohttp"), "judges"),
    **dict.fromkeys(("torch", "transformers", "tokenizers", "accelerate"), "hf"),
}
"""Package that models need → the extra that installs it."""


def missing_package(error: Exception) -> ApprehendError | None:
    """Return the error that a package of an extra is not installed, None for any other error."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or name not in _EXTRAS:
        return None
    return ApprehendError(
        f"{name} is not installed, which this needs; pip install 'apprehend[hf]' brings it"
        + (" ('apprehend[judges]' if models are behind endpoints)" * (_EXTRAS[name] == "judges"))
    )


__all__ = [
    "ApprehendError",
    "UsageError",
    "did_you_mean",
    "first_line",
    "missing_package",
    "without_middle",
]
