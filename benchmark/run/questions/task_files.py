"""Find tasks by name among the files of lm-eval and of ``--include_path``.

lm-eval's own index parses all of its 13,000 files, which takes longer than a short run. So files
are searched for the names as text, and only the folders that define them are parsed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ....tasks import mmlu_pro

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

OWN_FOLDER = Path(mmlu_pro.__file__).parent
_DEFINED = re.compile(r"""^["']?(?:task|group)["']?[ \t]*:[ \t]*["']?([^"'\s#]+)""", re.M)
_TAGS = re.compile(r"""^["']?tag["']?[ \t]*:(.*(?:\n[ \t]*-[ \t].*)*)""", re.M)
_WORD = re.compile(r"[^\s\[\],\"'#-][^\s\[\],\"'#]*")


def lm_eval_folder() -> Path:
    """Return the folder of the tasks that the installed lm-eval ships."""
    import lm_eval.tasks

    return Path(lm_eval.tasks.__file__).parent


@cache
def shipped_names() -> Mapping[str, frozenset[Path]]:
    """Return name of a task, group or tag of lm-eval → the folders of the files that define it."""
    found: dict[str, set[Path]] = {}
    for file in sorted(lm_eval_folder().rglob("*yaml")):
        text = file.read_text(encoding="utf-8", errors="replace")
        names = _DEFINED.findall(text) if file.suffix == ".yaml" else []
        names += [word for block in _TAGS.findall(text) for word in _WORD.findall(block)]
        for name in names:
            found.setdefault(name, set()).add(file.parent)
    return {name: frozenset(folders) for name, folders in found.items()}


def task_manager(
    names: Collection[str], include_path: str | None, metadata: Mapping[str, object]
) -> TaskManager:
    """Return lm-eval's manager of our tasks, the user's, and what ``names`` need of lm-eval's own.

    A task of the user's takes the place of one of lm-eval's of the same name.
    """
    folders: set[Path] = set()
    while True:
        manager = _manager(folders, include_path, metadata)
        unknown = [name for name in _reached(names, manager) if name not in manager.task_index]
        more = {folder for name in unknown for folder in shipped_names().get(name, ())}
        if more <= folders:
            return manager
        folders |= more


def _manager(
    folders: Collection[Path], include_path: str | None, metadata: Mapping[str, object]
) -> TaskManager:
    from lm_eval.tasks import TaskManager

    outer = [f for f in sorted(folders) if not any(f != g and g in f.parents for g in folders)]
    own = [OWN_FOLDER, *([include_path] if include_path is not None else [])]
    return TaskManager(
        include_path=[str(folder) for folder in (*outer, *own)],
        include_defaults=False,
        metadata=dict(metadata),
    )


def _reached(names: Collection[str], manager: TaskManager) -> Iterator[str]:
    """Yield the names and all that their groups consist of."""
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        yield name
        new = [child for child in members(manager, name) if child not in seen]
        seen.update(new)
        waiting += new


def members(manager: TaskManager, name: str) -> Sequence[str]:
    """Return the names of a group's or tag's direct members; none for a task."""
    entry = manager.task_index.get(name)
    if entry is None:
        return []
    if entry.kind.name == "TAG":
        return sorted(entry.tags)
    listed = (entry.cfg or {}).get("task") if entry.kind.name == "GROUP" else None
    found: list[str] = []
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            named = item.get("task") if isinstance(item.get("task"), str) else item.get("group")
            found += [str(named)] if named else []
    return found
