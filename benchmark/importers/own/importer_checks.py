"""Conformance checks of importers, built-in or a user's own, on sample files.

from apprehend.benchmark import check_importer

def test_conforms():
    outcomes = check_importer(IMPORTER, [Path("sample.jsonl")])
    assert not [check for check in outcomes if check.status == "failed"]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....tasks.data_errors import DataError
from ...console.declared import REQUIRED, Typed
from ...console.errors import ApprehendError, UsageError, first_line
from ...recordings.recorded import Recording
from ..importer import Importer
from .importer_contract import checked_recordings
from .importer_loading import declaration_faults

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
NOISE = b"\x00\xff\xfe{]\x80not text\n" * 40
OTHERS = {
    "others.csv": b"id,answer\n1,A\n2,B\n",
    "others.json": b'{"unrelated": [1, 2, 3]}',
    "others.txt": b"a plain text\n",
    "empty.jsonl": b"",
}
"""Files of no recorded answers that an importer should not claim."""


@dataclass(frozen=True)
class ImporterOutcome:
    """Outcome of one check: "passed", "failed" or "skipped", with the reason if not passed."""

    check: str
    status: str
    reason: str = ""


class _Failed(Exception):
    """The importer does not conform; the message states where."""


class _Skipped(Exception):
    """The check does not apply; the message states why."""


@dataclass(frozen=True)
class _Sample:
    importer: Importer
    paths: Sequence[Path]
    options: Mapping[str, Any]
    folder: Path

    def read(self, paths: Sequence[Path] | None = None) -> list[Recording]:
        """Read the sample, or other files, and check what was read."""
        given = {**self.options, "task": self.importer.task}
        found = self.importer.read(self.paths if paths is None else paths, given)
        return checked_recordings(self.importer.name, found)

    def refuses(self, path: Path) -> str | None:
        """Return what is wrong with how a damaged file is treated; reading it is no fault."""
        try:
            self.read([path])
        except (ApprehendError, DataError) as error:
            return None if str(error).strip() else "an error without a message"
        except Exception as error:
            return f"{type(error).__name__}: {first_line(error)}"
        return None


def _declaration(sample: _Sample) -> None:
    wrong = next(declaration_faults(sample.importer), None)
    if wrong is not None:
        raise _Failed(wrong)


def _reads(sample: _Sample) -> None:
    questions = [question for one in sample.read() for question in one.questions]
    known = [question for question in questions if question.correct is not None]
    if not known:
        raise _Failed(
            f"none of {len(questions)} answers is known to be right or wrong: give `gold` or "
            "`correct`"
        )


def _repeats(sample: _Sample) -> None:
    first, second = sample.read(), sample.read()
    for one, other in zip(first, second, strict=True):
        if list(one.questions) != list(other.questions):
            raise _Failed("a second reading of the same files gives other answers")


def _recognizes(sample: _Sample) -> None:
    if not sample.importer.rank:
        raise _Skipped("rank 0: never chosen by `apprehend import auto`")
    for path in sample.paths:
        if path.is_file() and not sample.importer.recognizes(path):
            raise _Failed(f"does not recognize {path.name}")


def _leaves_others(sample: _Sample) -> None:
    if not sample.importer.rank:
        raise _Skipped("rank 0: never chosen by `apprehend import auto`")
    for name, content in OTHERS.items():
        path = sample.folder / name
        path.write_bytes(content)
        if sample.importer.recognizes(path):
            raise _Failed(f"claims a file of another kind: {content[:40]!r} in {name}")


def _refuses_damage(sample: _Sample) -> None:
    if len(sample.paths) != 1 or not sample.paths[0].is_file():
        raise _Skipped("the sample is not a single file")
    whole = sample.paths[0].read_bytes()
    cases = {
        "cut in the middle": whole[: len(whole) // 2],
        "empty": b"",
        "noise": NOISE,
        "noise at its end": whole + NOISE,
    }
    for what, content in cases.items():
        path = sample.folder / f"damaged{''.join(sample.paths[0].suffixes)}"
        path.write_bytes(content)
        wrong = sample.refuses(path)
        if wrong is not None:
            raise _Failed(f"a file that is {what}: expected ApprehendError, got {wrong}")


def _refuses_absence(sample: _Sample) -> None:
    absent = sample.folder / "absent" / "file"
    wrong = sample.refuses(absent)
    if wrong is not None:
        raise _Failed(f"a file that does not exist: expected ApprehendError, got {wrong}")


CHECKS: dict[str, Callable[[_Sample], None]] = {
    "declaration": _declaration,
    "reads the sample": _reads,
    "same answers twice": _repeats,
    "recognizes the sample": _recognizes,
    "leaves other files": _leaves_others,
    "damaged files": _refuses_damage,
    "absent file": _refuses_absence,
}


def check_importer(
    importer: Importer, paths: Sequence[Path], options: Mapping[str, Any] | None = None
) -> list[ImporterOutcome]:
    """Run all checks on sample files.

    Args:
        importer: The importer.
        paths: Files or folders in its format; they are read, not changed.
        options: Values of its options; their defaults where not given.

    Returns:
        An outcome per check.

    Raises:
        UsageError: A required option is not given.
    """
    values = {name: _value(name, option, options) for name, option in importer.options.items()}
    with tempfile.TemporaryDirectory() as folder:
        sample = _Sample(importer, paths, values, Path(folder))
        return [_run(name, check, sample) for name, check in CHECKS.items()]


def _value(name: str, option: Typed, given: Mapping[str, Any] | None) -> Any:
    if given is not None and name in given:
        return given[name]
    if option.default is REQUIRED:
        raise UsageError(f"option {name!r} is required; give --option {name}=VALUE")
    return option.default


def _run(name: str, check: Callable[[_Sample], None], sample: _Sample) -> ImporterOutcome:
    try:
        check(sample)
    except _Skipped as skip:
        return ImporterOutcome(name, SKIPPED, str(skip))
    except (_Failed, ApprehendError, DataError) as failure:
        return ImporterOutcome(name, FAILED, " ".join(str(failure).split()))
    except Exception as error:
        return ImporterOutcome(name, FAILED, f"{type(error).__name__}: {first_line(error)}")
    return ImporterOutcome(name, PASSED)
