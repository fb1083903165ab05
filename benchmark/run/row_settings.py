"""The settings that each signal's rows depend on besides the store's contract."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.files.identifiers import plain_number
from ...tasks.prompting import load_prompt
from ...tasks.question_row import same_questions
from ...tasks.questionnaires import QUESTIONNAIRES, RATING_PROMPT
from ...tasks.reading.extraction import DEFAULT
from ..store.manifest import text_hash
from .asking.generation_settings import GenerationSettings, request_extras
from .asking.loaded_task import LoadedTask
from .probes.probe_options import ProbeOptions
from .probes.probe_registry import all_probes
from .questions.fingerprints import rendered_hash
from .run_options import RunOptions


def probe_options(options: RunOptions) -> ProbeOptions:
    """Return the options of a run that probes need."""
    return ProbeOptions(
        apply_chat_template=options.apply_chat_template,
        system_instruction=options.system_instruction,
        samples=options.samples,
        temperature=options.temperature,
        seed=options.seed,
        extraction=options.extraction,
        hidden_layers=options.hidden_layers,
        prompts=options.prompts,
    )


def probe_settings(
    options: RunOptions, tasks: Sequence[LoadedTask], signal: Signal, variant: str
) -> dict[str, object]:
    """Return the settings that a probe's rows depend on."""
    probe = all_probes()[signal, variant]
    settings = probe.settings(probe_options(options), tasks, variant)
    names = probe.templates(variant)
    return settings | ({"prompts": _prompt_hashes(names, options.prompts)} if names else {})


def judge_settings(
    identity: Mapping[str, Any], questionnaire: str, prompts: Mapping[str, str]
) -> dict[str, Any]:
    """Return the settings that one judge's judgements by one questionnaire depend on."""
    declared = QUESTIONNAIRES[questionnaire]
    names = [declared.prompt] if declared.about_answer else [declared.prompt, RATING_PROMPT]
    hashed = {"files", "fingerprint"} & identity.keys()
    identity = {k: v for k, v in identity.items() if not (hashed and k == "pretrained")}
    return {**identity, "prompts": _prompt_hashes(names, prompts)}


def judge_prompts(options: RunOptions) -> dict[str, str]:
    """Return the judges' prompt templates that a run replaces."""
    return {name: path for name, path in options.prompts.items() if name.startswith("judge")}


def _prompt_hashes(names: Sequence[str], prompts: Mapping[str, str]) -> dict[str, str]:
    return {name: text_hash(load_prompt(name, prompts.get(name)).source) for name in names}


def task_settings(options: RunOptions, family: str, tasks: Sequence[LoadedTask]) -> dict[str, Any]:
    """Return what the answers of a family's tasks depend on besides their prompts.

    These are the few-shot examples, the generation settings, and the rendered prompts of
    third-party tasks.
    """
    shots = tasks[0].num_fewshot
    settings: dict[str, Any] = {
        "examples": _examples(tasks) if shots else None,
        "thinking_budget": options.thinking_budget,
        "request_fields": request_extras(options.gen_kwargs),
    }
    config = tasks[0].task.get_config("fewshot_config")  # a mapping in older lm-eval
    sampler = config.get("sampler") if isinstance(config, Mapping) else config and config.sampler
    if shots and sampler != "first_n":
        settings["fewshot_seed"] = options.seed
    if tasks[0].signal is Signal.TRACE:
        settings["generation"] = dict(tasks[0].task.get_config("generation_kwargs") or {})
        own = tasks[0].facts.filter_name if options.extraction == DEFAULT else None
        settings["extraction"] = options.extraction if own is None else f"filter {own}"
        if options.stop_loops:
            settings["generation"]["stop_loops"] = True
        if GenerationSettings.of(settings["generation"]).temperature:
            settings["generation"]["seed"] = options.seed
    if not tasks[0].own:
        settings |= _of_lm_eval(tasks)
    return settings


def _of_lm_eval(tasks: Sequence[LoadedTask]) -> dict[str, Any]:
    """Return the settings of tasks that are not ours, and what they cannot give."""
    facts = tasks[0].facts
    return {
        "rendered": {task.name: rendered_hash(task.task) for task in tasks},
        "as_letters": tasks[0].as_letters,
        "normalization": facts.normalization,
        "lacks": facts.lacks,
        "refused": {name: why for task in tasks for name, why in task.facts.refused.items()},
    }


def _examples(tasks: Sequence[LoadedTask]) -> str:
    """Hash the pool of few-shot examples, whichever topics are asked."""
    data = tasks[0].task.dataset
    split = tasks[0].task.get_config("fewshot_split")
    rows = data[split] if split and split in data else tasks[0].task.fewshot_docs() or ()
    digest = hashlib.sha256()
    for row in rows:
        known = {**row, "question_id": plain_number(row["question_id"])} if tasks[0].own else row
        digest.update(repr(sorted(known.items())).encode("utf-8", "replace"))
    if tasks[0].own and same_questions(data["test"], list(rows)):
        digest.update(b"without the question itself")
    return digest.hexdigest()[:32]
