"""``apprehend run``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from ...console.errors import ApprehendError, UsageError, did_you_mean
from ...console.number_limits import HIGHEST_COST, LARGEST_SEED, MOST_QUESTIONS
from ...console.options import (
    parse_arguments,
    parse_pairs,
    read_config,
    say,
    split_names,
    whole_number,
)
from ...store.names import check_name, check_names

if TYPE_CHECKING:
    from ...judges.judge_options import JudgeOptions
    from ...run.plan import Overwrite

CONFIG_KEYS = (
    "model",
    "model_args",
    "model_name",
    "tasks",
    "include_path",
    "data",
    "fewshot_data",
    "estimators",
    "committee",
    "judge",
    "judge_args",
    "judge_name",
    "prompt",
    "num_fewshot",
    "apply_chat_template",
    "system_instruction",
    "batch_size",
    "device",
    "limit",
    "seed",
    "samples",
    "temperature",
    "output_path",
    "overwrite",
    "max_requests",
    "max_cost",
    "shard",
    "report",
    "paper_filter",
)


def _read_config(context: typer.Context, value: Optional[Path]) -> Optional[Path]:
    if value is not None:
        context.default_map = {**(context.default_map or {}), **read_config(value, CONFIG_KEYS)}
    return value


def _judges(
    kinds: Sequence[str], arguments: Sequence[str], names: Sequence[str]
) -> list[JudgeOptions]:
    """The panel: arguments and names belong to the judges in the order given."""
    from ...judges.judge_options import JudgeOptions

    for option, given in (("--judge_args", arguments), ("--judge_name", names)):
        if given and len(given) != len(kinds):
            raise UsageError(
                f"{option}: given {len(given)} times for {len(kinds)} --judge; give it once for "
                "each, in the same order"
            )
    return [
        JudgeOptions(
            kind,
            parse_arguments("--judge_args", arguments[place]) if arguments else {},
            names[place] if names else None,
        )
        for place, kind in enumerate(kinds)
    ]


def run(
    model: Annotated[
        str,
        typer.Option(
            help="Engine: hf, vllm, local-completions, openai-completions, local-chat-completions "
            "or openai-chat-completions."
        ),
    ] = "hf",
    model_args: Annotated[
        str,
        typer.Option("--model_args", help="As in lm-eval, e.g. pretrained=NAME,dtype=bfloat16."),
    ] = "",
    tasks: Annotated[
        str, typer.Option(help="Comma-separated tasks or groups; see `apprehend list tasks`.")
    ] = "mmlu_pro_direct",
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Results folder; only what is missing is run.")
    ] = Path("results"),
    data: Annotated[
        Optional[str],
        typer.Option(help="Local Parquet/JSONL in MMLU-Pro's schema, or: embedded."),
    ] = None,
    fewshot_data: Annotated[
        Optional[str], typer.Option("--fewshot_data", help="The same, for few-shot examples.")
    ] = None,
    estimators: Annotated[
        Optional[str],
        typer.Option(help="Comma-separated: all, names, name(parameter=value), file.py:Class."),
    ] = None,
    committee: Annotated[
        Optional[str],
        typer.Option(help="Comma-separated other models of `committee_disagreement`; all stored."),
    ] = None,
    judge: Annotated[
        Optional[list[str]],
        typer.Option(help="Kind of judge: hf, or any lm-eval model (repeat it for a panel)."),
    ] = None,
    judge_args: Annotated[
        Optional[list[str]],
        typer.Option("--judge_args", help="The judge's arguments, as --model_args; one per judge."),
    ] = None,
    judge_name: Annotated[
        Optional[list[str]],
        typer.Option("--judge_name", help="What to call the judge; one per judge."),
    ] = None,
    model_name: Annotated[
        Optional[str], typer.Option("--model_name", help="What to call the model.")
    ] = None,
    include_path: Annotated[
        Optional[str], typer.Option("--include_path", help="Folder with more lm-eval tasks.")
    ] = None,
    prompt: Annotated[
        Optional[list[str]],
        typer.Option(help="NAME=FILE: replace a prompt template (repeatable)."),
    ] = None,
    num_fewshot: Annotated[
        Optional[int], typer.Option("--num_fewshot", min=0, max=1000, help="Examples per prompt.")
    ] = None,
    apply_chat_template: Annotated[
        bool, typer.Option("--apply_chat_template", help="Use the model's chat template.")
    ] = False,
    system_instruction: Annotated[
        Optional[str], typer.Option("--system_instruction", help="Put before the system prompt.")
    ] = None,
    batch_size: Annotated[
        str, typer.Option("--batch_size", help="auto, or a number of questions.")
    ] = "auto",
    device: Annotated[Optional[str], typer.Option(help="cpu, cuda, cuda:1, mps …")] = None,
    limit: Annotated[
        Optional[float],
        typer.Option(
            min=0,
            max=MOST_QUESTIONS,
            help="Questions per topic, above 0 (below 1: a share).",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of everything random.")
    ] = 0,
    samples: Annotated[
        int, typer.Option(min=2, max=1000, help="Sampled answers per question.")
    ] = 8,
    temperature: Annotated[
        float, typer.Option(min=0.01, max=100, help="Temperature of the sampled answers.")
    ] = 1.0,
    overwrite: Annotated[
        str,
        typer.Option(
            help="What to do with stored signals: only-missing (keep them, collect the rest), "
            "always (set them aside, collect all), never (refuse), only-cache (load no model)."
        ),
    ] = "only-missing",
    max_requests: Annotated[
        Optional[int],
        typer.Option(
            "--max_requests", min=0, max=10**12, help="Send no more than these to endpoints."
        ),
    ] = None,
    max_cost: Annotated[
        Optional[float],
        typer.Option(
            "--max_cost",
            min=0,
            max=HIGHEST_COST,
            help="Spend no more than this on endpoints; needs input_price and output_price (per "
            "million tokens) among their arguments.",
        ),
    ] = None,
    shard: Annotated[
        Optional[str],
        typer.Option(
            help="I/N: collect part I (from 0) of N of the questions; `apprehend merge` joins the "
            "parts. Under accelerate launch and torchrun it is given by them."
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option(
            help="Write a report below the results, with figures as PNG and SVG "
            "(`apprehend report` writes one anywhere, with PDF too)."
        ),
    ] = True,
    paper_filter: Annotated[
        bool, typer.Option("--paper-filter", help="Report on the paper's rows only.")
    ] = False,
    config: Annotated[
        Optional[Path],
        typer.Option(callback=_read_config, is_eager=True, help="YAML file with these options."),
    ] = None,
) -> None:
    """Ask a model the questions, score its uncertainty, report. Collects only what is missing."""
    from ....estimators.registry import split_specs
    from ...run.plan import RunOptions
    from ...run.running import run as collect
    from ...run.sharding import current_shard

    if model_name is not None:
        check_name("--model_name", model_name)
    check_names("--judge_name", judge_name or [])
    if batch_size != "auto" and not 0 < (whole_number(str(batch_size)) or 0) <= MOST_QUESTIONS:
        raise UsageError(f"--batch_size: expected auto or a whole number, got {batch_size!r}")
    if limit is not None and (limit == 0 or (limit > 1 and limit % 1)):
        raise UsageError(
            "--limit: expected a whole number of questions or a share below 1, above 0, got "
            f"{limit:g}"
        )
    part = current_shard(shard, os.environ)
    if model == "hf" and not model_args:
        raise UsageError("--model_args: expected pretrained=NAME_OR_PATH, or pretrained=embedded")
    options = RunOptions(
        model=model,
        model_args=parse_arguments("--model_args", model_args),
        tasks=tasks,
        output_path=output_path,
        model_name=model_name,
        data=data,
        fewshot_data=fewshot_data,
        include_path=include_path,
        estimators=None if estimators is None else split_specs(estimators),
        committee=split_names(committee),
        judges=_judges(judge or [], judge_args or [], judge_name or []),
        prompts=parse_pairs("--prompt", prompt),
        num_fewshot=num_fewshot,
        apply_chat_template=apply_chat_template,
        system_instruction=system_instruction,
        batch_size=str(batch_size),
        device=device,
        limit=limit,
        seed=seed,
        samples=samples,
        temperature=temperature,
        overwrite=_overwrite(overwrite),
        max_requests=max_requests,
        max_cost=max_cost,
        shard=None if part is None else (part.index, part.count, part.local),
    )
    if part is not None:
        outcome = collect(options)
        say(
            f"part {part.index} of {part.count} is collected; `apprehend merge {output_path}` "
            "joins all parts"
        )
        if outcome.problems:
            raise ApprehendError("; ".join(outcome.problems) + " (all else is stored)")
        return
    finish(collect(options), output_path if report else None, paper_filter)


def _overwrite(text: str) -> Overwrite:
    from ...run.plan import Overwrite

    known = [mode.value for mode in Overwrite]
    if text not in known:
        raise UsageError(
            f"--overwrite: expected {', '.join(known[:-1])} or {known[-1]}, got {text!r}"
            f"{did_you_mean(text, known)}"
        )
    return Overwrite(text)


def say_skipped(skipped: Mapping[str, str]) -> None:
    """One line per reason, with the estimators that it keeps out."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        say(f"  {reason}: {', '.join(names)} skipped")


def finish(outcome: Any, reported: Path | None, paper_filter: bool) -> None:
    """Say what was done, report on a results folder, and fail at the very end where something went
    wrong."""
    from ...score.report_building import write_report

    for path, scored in outcome.scored.items():
        say(f"{path}: {scored.questions} questions, {len(scored.estimators)} estimators scored")
        say_skipped(scored.skipped)
    if reported is not None:
        write_report(reported, reported / "report", paper_filter, formats=("png", "svg"))
    if outcome.problems:
        done = "stored" if reported is None else "stored and reported"
        raise ApprehendError("; ".join(outcome.problems) + f" (all else is {done})")
