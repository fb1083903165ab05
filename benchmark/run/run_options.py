"""The options of a run, each declared once, as a field of `RunOptions`: name, type, whether stored
rows depend on it, help, bounds, default. Command line and configuration keys follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

from ...tasks.reading.extraction import DEFAULT
from ..console.arguments import parse_arguments
from ..console.declared import Typed
from ..console.errors import UsageError
from ..console.number_limits import HIGHEST_COST, LARGEST_SEED, MOST_QUESTIONS, MOST_TOKENS
from ..console.options import parse_pairs, split_names
from ..judges.judge_options import JudgeOptions
from .asking.generation_settings import check_for_engine, read_gen_kwargs
from .option_values import (
    Overwrite,
    read_batch_size,
    read_data_columns,
    read_estimators,
    read_extraction,
    read_judges,
    read_layers,
    read_limit,
    read_metrics,
    read_name,
    read_normalization,
    read_overwrite,
    read_shard,
)

ValueT = TypeVar("ValueT")


@overload
def _option(
    *typed: Typed, rows: bool, read: Callable[..., ValueT], default: ValueT = ...
) -> ValueT: ...
@overload
def _option(*typed: Typed, rows: bool) -> Any: ...
def _option(
    *typed: Typed, rows: bool, read: Callable[..., Any] | None = None, default: object = MISSING
) -> object:
    """Return a field of `RunOptions`.

    Args:
        typed: Its command-line options; several that are parsed together make one field.
        rows: Whether stored rows depend on it, so that a run with another value must not resume.
        read: Parses the typed values into the field's; None keeps the first value.
        default: The field's default, if it is not the parsed defaults of its options.
    """

    def usual() -> object:
        if default is not MISSING:
            return default
        return typed[0].default if read is None else read(*(option.default for option in typed))

    return field(default_factory=usual, metadata={"typed": typed, "rows": rows, "read": read})


@dataclass(frozen=True)
class RunOptions:
    """The options of ``apprehend run``."""

    model: str = _option(
        Typed(
            "Engine: hf, vllm, local-completions, openai-completions, local-chat-completions "
            "or openai-chat-completions.",
            default="hf",
        ),
        rows=True,
    )
    model_args: Mapping[str, Any] = _option(
        Typed("As in lm-eval, e.g. pretrained=NAME,dtype=bfloat16.", default=""),
        rows=True,
        read=partial(parse_arguments, "--model_args"),
    )
    tasks: str = _option(
        Typed("Tasks or groups (`apprehend list tasks`).", default="mmlu_pro_direct"), rows=False
    )
    output_path: Path = _option(
        Typed(
            "Results folder; only what is missing is collected.", kind=Path, default=Path("results")
        ),
        rows=False,
    )
    data: str | None = _option(
        Typed("A file of questions, or a folder (see `apprehend data`), or: embedded."), rows=True
    )
    fewshot_data: str | None = _option(
        Typed("The same for few-shot examples (default: the file's other questions)."), rows=True
    )
    data_columns: str | None = _option(
        Typed(
            "What the file's columns are, where its schema is not known: "
            "question=stem,options=A+B+C+D,answer=label,topic=subject."
        ),
        rows=True,
        read=read_data_columns,
    )
    estimators: Sequence[str] | None = _option(
        Typed("Comma-separated: all, names, name(parameter=value), file.py:Class."),
        rows=False,
        read=read_estimators,
    )
    committee: Sequence[str] = _option(
        Typed("Comma-separated models for `committee_disagreement` (default: all stored)."),
        rows=False,
        read=split_names,
    )
    judges: Sequence[JudgeOptions] = _option(
        Typed(
            "Kind of judge: hf, or any lm-eval model (repeat it for a panel).",
            kind=list[str],
            name="judge",
        ),
        Typed(
            "The judge's arguments, as --model_args; one per judge.",
            kind=list[str],
            name="judge_args",
        ),
        Typed("Name of the judge; one per judge.", kind=list[str], name="judge_name"),
        rows=True,
        read=read_judges,
    )
    model_name: str | None = _option(Typed("Name of the model."), rows=False, read=read_name)
    include_path: str | None = _option(Typed("Folder with more lm-eval tasks."), rows=True)
    prompts: Mapping[str, str] = _option(
        Typed("NAME=FILE: replace a prompt template (repeatable).", kind=list[str], name="prompt"),
        rows=True,
        read=partial(parse_pairs, "--prompt"),
    )
    num_fewshot: int | None = _option(
        Typed("Few-shot examples per prompt.", kind=int, min=0, max=1000), rows=True
    )
    apply_chat_template: bool = _option(
        Typed("Use the model's chat template.", kind=bool, default=False), rows=True
    )
    system_instruction: str | None = _option(
        Typed("Text prepended to the system prompt."), rows=True
    )
    batch_size: str = _option(
        Typed("auto, or a number of questions.", default="auto"), rows=False, read=read_batch_size
    )
    device: str | None = _option(Typed("cpu, cuda, cuda:1, mps …"), rows=False)
    limit: float | None = _option(
        Typed("Questions per topic, above 0 (below 1: a share).", float, min=0, max=MOST_QUESTIONS),
        rows=False,
        read=read_limit,
    )
    seed: int = _option(
        Typed("Seed of all random choices.", int, default=0, min=0, max=LARGEST_SEED), rows=True
    )
    samples: int = _option(
        Typed("Sampled answers per question.", int, default=8, min=2, max=1000), rows=True
    )
    temperature: float = _option(
        Typed("Temperature of the sampled answers.", float, default=1.0, min=0.01, max=100),
        rows=True,
    )
    gen_kwargs: Mapping[str, object] = _option(
        Typed(
            "Settings of generated texts, as in lm-eval: max_gen_toks=NUMBER, temperature=, "
            "top_p=, until=…; for an endpoint any field of its requests.",
            default="",
        ),
        rows=True,
        read=read_gen_kwargs,
    )
    hidden_layers: tuple[str, ...] = _option(
        Typed("Layers to store the states of, too: numbers, first, middle, last (hf)."),
        rows=True,
        read=read_layers,
    )
    thinking_budget: int | None = _option(
        Typed(
            "Tokens after which a thought is closed and the answer asked for; 0: no thought.",
            kind=int,
            min=0,
            max=MOST_TOKENS,
        ),
        rows=True,
    )
    extraction: str = _option(
        Typed(
            "How answers are read out of chains of thought: ladder (named rules, the surest "
            "first), strict (the marker alone), lm_eval or mmlu_pro (as published).",
            default=DEFAULT,
        ),
        rows=True,
        read=read_extraction,
    )
    stop_loops: bool = _option(
        Typed(
            "End a chain of thought that repeats a sequence of tokens over 256 tokens at least "
            "(hf; loops are noticed without it too).",
            kind=bool,
            default=False,
        ),
        rows=True,
    )
    as_letters: bool = _option(
        Typed(
            "Ask the questions of lm-eval's and your own tasks for a letter, in a prompt of ours.",
            kind=bool,
            default=False,
        ),
        rows=True,
    )
    normalization: str = _option(
        Typed(
            "How log-likelihoods of options that are whole texts are normalized: none (lm-eval's "
            "acc), characters (acc_norm), bytes (acc_bytes), tokens, prior (acc_mutual_info).",
            default="none",
        ),
        rows=True,
        read=read_normalization,
    )
    topic_field: str | None = _option(
        Typed("Field of the documents that holds the topic, for lm-eval's and your own tasks."),
        rows=True,
    )
    overwrite: Overwrite = _option(
        Typed(
            "What to do with stored signals: only-missing (keep them, collect the rest), "
            "always (set them aside, collect all), never (refuse), only-cache (load no model).",
            default="only-missing",
        ),
        rows=False,
        read=read_overwrite,
    )
    max_requests: int | None = _option(
        Typed("Maximum number of requests to endpoints.", int, min=0, max=10**12), rows=False
    )
    max_cost: float | None = _option(
        Typed(
            "Maximum cost of requests to endpoints; needs input_price and output_price (per "
            "million tokens) among their arguments.",
            kind=float,
            min=0,
            max=HIGHEST_COST,
        ),
        rows=False,
    )
    shard: tuple[int, int, int] | None = _option(
        Typed(
            "I/N: collect shard I (from 0) of N; `apprehend merge` merges the shards. Under "
            "accelerate launch and torchrun they determine it."
        ),
        rows=False,
        read=read_shard,
        default=None,
    )
    """Index, count and local device of this process's shard of the questions."""
    report: bool = _option(
        Typed(
            "Write a report below the results, with figures as PNG and SVG (`apprehend report` "
            "writes one anywhere, also with PDF).",
            kind=bool,
            default=True,
        ),
        rows=False,
    )
    paper_filter: bool = _option(
        Typed("Restrict the report to the paper's rows.", kind=bool, default=False), rows=False
    )
    metrics: Sequence[str] = _option(
        Typed("Comma-separated metrics of your own in the report: file.py:function."),
        rows=False,
        read=read_metrics,
    )


def typed_options() -> Iterator[tuple[str, Typed]]:
    """Yield the name and declaration of every command-line option, in order."""
    for declared in fields(RunOptions):
        for option in declared.metadata["typed"]:
            yield option.name or declared.name, option


def read_options(given: Mapping[str, Any]) -> RunOptions:
    """Parse the options of a run from typed values, by name.

    Raises UsageError for an invalid value.
    """
    values = {}
    for declared in fields(RunOptions):
        typed = [given[option.name or declared.name] for option in declared.metadata["typed"]]
        read = declared.metadata["read"]
        values[declared.name] = typed[0] if read is None else read(*typed)
    options = RunOptions(**values)
    if options.model == "hf" and not options.model_args:
        raise UsageError("--model_args: expected pretrained=NAME_OR_PATH, or pretrained=embedded")
    check_for_engine(options.gen_kwargs, options.model, options.model not in ("hf", "vllm"))
    return options
