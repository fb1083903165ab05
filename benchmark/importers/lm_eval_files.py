"""Find lm-eval's sample files: the task of each, its group, and the newest of several runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...tasks.files.file_errors import DataError
from ...tasks.task_names import known_tasks
from ..console.errors import ApprehendError
from ..recordings.sniffing import mentions
from .importer import files_in

_SAMPLES = re.compile(
    r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d{2}-\d{2}T[\d.:\-]+))?\.jsonl?(?:\.\w+)?"
)
_WRITE_OUT = re.compile(r"(?P<task>.+)_write_out_info\.json(?:\.\w+)?")
_OLD = re.compile(r".*__[^_]*_(?P<task>.+)\.jsonl?(?:\.\w+)?")
"""``pretrained__org__name_mmlu_anatomy.jsonl``, as versions before 0.4.3 wrote it."""
GROUPS = (
    "mmlu_pro_plus", "mmlu_pro", "mmlu_redux", "mmlu_continuation", "mmlu_generative",
    "mmlu_flan_n_shot_generative", "mmlu_flan_n_shot_loglikelihood", "mmlu_flan_cot_zeroshot",
    "mmlu_flan_cot_fewshot", "mmlu_llama", "mmlu", "leaderboard_bbh", "leaderboard_gpqa",
    "leaderboard_musr", "bbh_cot_fewshot", "bbh_cot_zeroshot", "bbh_fewshot", "bbh_zeroshot",
    "agieval", "kmmlu_direct", "kmmlu_cot_hard", "kmmlu_hard", "kmmlu", "cmmlu", "ceval-valid",
    "arabicmmlu", "tmmluplus", "hendrycksTest", "blimp",
)  # fmt: skip
"""Groups of lm-eval whose tasks are topics of one task, the longer names first."""
COLLECTIONS = frozenset({"leaderboard", "openllm", "tinyBenchmarks", "metabench"})
"""Groups of different benchmarks, which stay apart."""
_NOT_TOPICS = frozenset({"mmlu_pro", "mmlu_redux", "leaderboard_mmlu_pro"})


def is_samples(path: Path) -> bool:
    """Return whether a file holds samples of lm-eval of any age, by its name or its first bytes."""
    if _SAMPLES.fullmatch(path.name) or _WRITE_OUT.fullmatch(path.name):
        return True
    return path.suffix in (".json", ".jsonl") and (
        mentions(path, "doc", "resps", "filtered_resps") or mentions(path, "prompt_0", "logit_0")
    )


def sample_files(paths: Sequence[Path]) -> list[Path]:
    """Return the sample files in ``paths``, searching folders. Raises UsageError for none."""
    return files_in(paths, is_samples, "samples_*.jsonl")


def task_of(file: Path) -> str:
    """Return the task's name in ``samples_<task>_<time>.jsonl`` and its older spellings."""
    for pattern in (_SAMPLES, _WRITE_OUT, _OLD):
        match = pattern.fullmatch(file.name)
        if match:
            return match["task"]
    return file.name.split(".")[0]


def newest_files(files: Sequence[Path], notes: list[str]) -> list[Path]:
    """Return one file per task: of several with other times in a folder, the newest, with a note.

    Raises ApprehendError for one task in several folders, as of several models.
    """
    by_task: dict[str, list[Path]] = {}
    for file in files:
        by_task.setdefault(task_of(file), []).append(file)
    chosen = []
    for task, own in by_task.items():
        if len({file.parent for file in own}) > 1:
            folders = ", ".join(dict.fromkeys(str(file.parent) for file in own))
            raise ApprehendError(
                f"samples of {task} are in several folders ({folders}); if they are of several "
                "models, import each folder with its own --model"
            )
        newest = max(own, key=_time)
        if len(own) > 1:
            others = ", ".join(file.name for file in own if file != newest)
            notes.append(f"{task}: {newest.name} is the newest, left out: {others}")
        chosen.append(newest)
    return chosen


def _time(file: Path) -> str:
    match = _SAMPLES.fullmatch(file.name)
    return (match["time"] or "") if match else ""


def grouped_files(files: Sequence[Path], task: str | None) -> dict[str, list[Path]]:
    """Group files by the task whose store they go to.

    Topics of one of our groups go together, and tasks of one of lm-eval's; if ``task`` is given,
    all files do.
    """
    declared: dict[str, str] = {}
    for folder in {file.parent for file in files}:
        declared |= _declared_groups(folder)
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(task or group_of(task_of(file), declared), []).append(file)
    return groups


def group_of(name: str, declared: Mapping[str, str]) -> str:
    """Return the group of a task, or its own name."""
    if name in known_tasks():
        return known_tasks()[name][0]
    if name in declared:
        return declared[name]
    for group in GROUPS:
        if name not in _NOT_TOPICS and re.match(rf"{re.escape(group)}[_-].", name):
            return group
    return name


def _declared_groups(folder: Path) -> dict[str, str]:
    """Return task → its highest group, as the results file beside the samples says."""
    parents: dict[str, str] = {}
    for file in sorted(folder.glob("results*.json")):
        for group, members in _subtasks(file):
            own = (m for m in members if m.startswith(group) and m != group)
            parents |= dict.fromkeys(() if group in COLLECTIONS else own, group)
    found = {}
    for task in parents:
        top, seen = task, {task}
        while top in parents and parents[top] not in seen:
            top = parents[top]
            seen.add(top)
        found[task] = top
    return found


def _subtasks(file: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, DataError):
        return  # it only tells which tasks belong together
    groups = content.get("group_subtasks") if isinstance(content, dict) else None
    for group, members in groups.items() if isinstance(groups, dict) else ():
        if isinstance(members, list) and members:
            yield group, [str(member) for member in members]
