"""The guarantees of the layout: imports, start-up without torch, and the wheel's contents."""

from __future__ import annotations

import ast
import os
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("benchmark", "estimators", "reports", "tasks")
TOP = "interface"
"""The folder of the package ``apprehend`` itself, from which all others hang."""
EVERYTHING = (*FOLDERS, TOP)
HEAVY = {"torch", "lm_eval", "transformers", "datasets"}


def _modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> list[tuple[int, str]]:
    """(level, dotted name) of every import in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


@pytest.mark.parametrize("folder", ["estimators", "reports", "tasks"])
def test_only_benchmark_imports_the_other_folders(folder: str) -> None:
    for path in _modules(folder):
        depth = len(path.relative_to(ROOT).parts) - 1
        for level, name in _imports(path):
            reaches_out = level > depth or (level == 0 and name.startswith("apprehend"))
            assert not reaches_out, f"{path} imports {'.' * level}{name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_bare_imports_of_our_folders(folder: str) -> None:
    for path in _modules(folder):
        for level, name in _imports(path):
            assert level or name.split(".")[0] not in FOLDERS, f"{path} imports {name}"


@pytest.mark.parametrize("folder", ["estimators", "reports"])
def test_estimators_and_reports_import_nothing_heavy_at_all(folder: str) -> None:
    for path in _modules(folder):
        for level, name in _imports(path):
            assert level or name.split(".")[0] not in HEAVY, f"{path} imports {name}"


@pytest.mark.parametrize(
    "code",
    [
        "import apprehend; apprehend.Estimator",
        "import apprehend; apprehend.score, apprehend.evaluate, apprehend.open, apprehend.plot",
        "import apprehend.estimators",
        "import apprehend.reports",
        "from apprehend.benchmark.score import scoring",
        "from apprehend.benchmark.reporting import report_building",
        "from apprehend.benchmark.importers import table, lm_eval_samples",
        "from apprehend.benchmark.cli.main import app; app(['--help'], standalone_mode=False)",
        "from apprehend.benchmark.cli.main import app; "
        "app(['list', 'estimators'], standalone_mode=False)",
    ],
)
def test_starts_without_torch_and_lm_eval(code: str) -> None:
    check = f"{code}\nimport sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout.splitlines()[-1] == "[]"


LONGEST, MOST_MODULES, MEDIAN = 300, 15, 120
LAZY = {("estimators/learning", "estimators")}
"""(room, room): imports upwards that are made when they are needed. Estimators that combine others
look these up by name in the registry, which knows all families."""


def _rooms() -> dict[str, list[Path]]:
    """Folder → its modules."""
    found: dict[str, list[Path]] = {}
    for folder in EVERYTHING:
        for path in _modules(folder):
            found.setdefault(str(path.parent.relative_to(ROOT)), []).append(path)
    return found


def _target(path: Path, level: int, name: str) -> str:
    """The room that a relative import reaches."""
    folder = path.parent
    for _ in range(level - 1):
        folder = folder.parent
    if folder.name == TOP and name.split(".", maxsplit=1)[0] in FOLDERS:
        folder = folder.parent
    place = folder.joinpath(*name.split(".")) if name else folder
    room = place if place.is_dir() else place.parent
    return str(room.relative_to(ROOT)) if room != ROOT else "."


def _room_imports() -> dict[str, set[str]]:
    """Room → other rooms that its modules import."""
    found: dict[str, set[str]] = {}
    for room, paths in _rooms().items():
        reached = {_target(p, level, name) for p in paths for level, name in _imports(p) if level}
        found[room] = {r for r in reached if r not in (room, ".") and (room, r) not in LAZY}
    return found


def test_rooms_have_a_sentence_and_few_modules() -> None:
    for room, paths in _rooms().items():
        assert len([p for p in paths if p.name != "__init__.py"]) <= MOST_MODULES, room
        init = (ROOT / room / "__init__.py").read_text(encoding="utf-8")
        assert len((ast.get_docstring(ast.parse(init)) or "").split()) >= 3, f"{room}: what is it?"


def test_rooms_import_downwards_only() -> None:
    """Rooms can be put into an order in which each imports only those below it."""
    left = _room_imports()
    while left:
        lowest = [room for room, below in left.items() if not below & left.keys()]
        assert lowest, f"these import each other in a circle: {sorted(left)}"
        for room in lowest:
            del left[room]


def test_no_module_name_has_two_meanings() -> None:
    names = [p.name for paths in _rooms().values() for p in paths if not p.name.startswith("__")]
    assert len(names) == len(set(names)), {name for name in names if names.count(name) > 1}


def test_modules_stay_small() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for paths in _rooms().values()
        for path in paths
    }
    assert not {name: size for name, size in sizes.items() if size > LONGEST}
    modules = [size for name, size in sizes.items() if not name.endswith("__init__.py")]
    assert statistics.median(modules) <= MEDIAN


def test_wheel_holds_every_tracked_file(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *EVERYTHING], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    installed = [f"apprehend/{name.removeprefix(f'{TOP}/')}" for name in tracked.stdout.split()]
    assert not [name for name in installed if name not in inside]


def test_type_checker_sees_the_folders() -> None:
    for folder in FOLDERS:
        assert (ROOT / ".typing" / "apprehend" / folder).resolve() == ROOT / folder
    for path in _modules(TOP):
        assert (ROOT / ".typing" / "apprehend" / path.name).resolve() == path
