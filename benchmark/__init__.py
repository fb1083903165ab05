"""How a benchmark is run: from questions to signals, scores and reports; the rooms are listed in
CONTRIBUTING.md. The public names are those that an importer in a file of one's own needs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .console.declared import REQUIRED, Typed
    from .console.errors import ApprehendError, UsageError
    from .importers.importer import Importer, files_in, one_file
    from .importers.own.importer_checks import check_importer
    from .importers.own.importer_loading import load_importer
    from .recordings.recorded import ImportedQuestion, Recording

__all__ = [
    "REQUIRED",
    "ApprehendError",
    "ImportedQuestion",
    "Importer",
    "Recording",
    "Typed",
    "UsageError",
    "check_importer",
    "files_in",
    "load_importer",
    "one_file",
]

_HOMES = {
    "REQUIRED": ".console.declared",
    "ApprehendError": ".console.errors",
    "ImportedQuestion": ".recordings.recorded",
    "Importer": ".importers.importer",
    "Recording": ".recordings.recorded",
    "Typed": ".console.declared",
    "UsageError": ".console.errors",
    "check_importer": ".importers.own.importer_checks",
    "files_in": ".importers.importer",
    "load_importer": ".importers.own.importer_loading",
    "one_file": ".importers.importer",
}
"""Public name → its module, loaded when the name is used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
