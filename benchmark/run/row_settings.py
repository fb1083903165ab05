"""What the rows of each signal depend on beside the store's contract, from the options of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks import mmlu_pro
from ...tasks.prompting import load_prompt
from ...tasks.questionnaires import QUESTIONNAIRES, RATING_PROMPT
from ..store.manifest import text_hash
from .asking.task_loading import LoadedTask
from .probes.probe_options import ProbeOptions
from .probes.probe_registry import all_probes
from .run_options import RunOptions


def probe_options(options: RunOptions) -> ProbeOptions:
    """What probes need to know of a run."""
    return ProbeOptions(
        num_fewshot=options.num_fewshot or 0,
        apply_chat_template=options.apply_chat_template,
        system_instruction=options.system_instruction,
        samples=options.samples,
        temperature=options.temperature,
        seed=options.seed,
        extraction=options.extraction,
        prompts=options.prompts,
    )


def probe_settings(
    options: RunOptions, tasks: Sequence[LoadedTask], signal: Signal, variant: str
) -> dict[str, object]:
    """Settings of a probe's rows."""
    probe = all_probes()[signal, variant]
    found = probe.settings(probe_options(options), tasks, variant)
    names = probe.templates(variant)
    return found | ({"prompts": _prompt_hashes(names, options.prompts)} if names else {})


def judge_settings(
    identity: Mapping[str, Any], questionnaire: str, prompts: Mapping[str, str]
) -> dict[str, Any]:
    """Settings of one judge's judgements by one questionnaire."""
    asked = QUESTIONNAIRES[questionnaire]
    names = [asked.prompt] if asked.about_answer else [asked.prompt, RATING_PROMPT]
    told = {"files", "fingerprint"} & identity.keys()
    identity = {k: v for k, v in identity.items() if not (told and k == "pretrained")}
    return {**identity, "prompts": _prompt_hashes(names, prompts)}


def judge_prompts(options: RunOptions) -> dict[str, str]:
    """The judges' prompt templates that a run replaces."""
    return {name: path for name, path in options.prompts.items() if name.startswith("judge")}


def _prompt_hashes(names: Sequence[str], prompts: Mapping[str, str]) -> dict[str, str]:
    return {name: text_hash(load_prompt(name, prompts.get(name)).source) for name in names}


def task_settings(options: RunOptions, family: str, tasks: Sequence[LoadedTask]) -> dict[str, Any]:
    """What the answers of a family's tasks depend on beside their prompts: few-shot examples,
    generation settings, and the rendered prompts of tasks that are not ours."""
    shots = options.num_fewshot or 0
    found: dict[str, Any] = {"examples": _examples(tasks) if shots else None}
    config = tasks[0].task.get_config("fewshot_config")  # a mapping in older lm-eval
    sampler = config.get("sampler") if isinstance(config, Mapping) else config and config.sampler
    if shots and sampler != "first_n":
        found["fewshot_seed"] = options.seed
    if tasks[0].signal is Signal.TRACE:
        found["generation"] = dict(tasks[0].task.get_config("generation_kwargs") or {})
        found["extraction"] = options.extraction
    if family not in mmlu_pro.STYLES:
        found["rendered"] = {task.name: _rendered(task) for task in tasks}
    return found


def _examples(tasks: Sequence[LoadedTask]) -> str:
    """Hash of the pool that few-shot examples are taken from, whichever topics are asked."""
    data = tasks[0].task.dataset
    split = tasks[0].task.get_config("fewshot_split")
    rows = data[split] if split and split in data else tasks[0].task.fewshot_docs() or ()
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(sorted(row.items())).encode("utf-8", "replace"))
    return digest.hexdigest()[:32]


def _rendered(task: LoadedTask) -> str:
    """Hash of what a task makes of its first question: prompt, choices and target."""
    row = task.task.eval_docs[0]
    parts = (task.task.doc_to_text(row), task.task.doc_to_choice(row), task.task.doc_to_target(row))
    description = task.task.get_config("description")
    return text_hash(repr((description, *parts)))


def topics_hash(tasks: Sequence[LoadedTask]) -> str | None:
    """Hash of all questions' ids and topics; None for data without topics."""
    dataset = tasks[0].task.dataset["test"]
    if not {"question_id", "category"} <= set(dataset.column_names):
        return None
    pairs = zip(dataset["question_id"], dataset["category"], strict=True)
    return text_hash(repr(sorted((str(i), str(c)) for i, c in pairs)))
