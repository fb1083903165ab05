"""The path of one question from the command line to ``metrics.csv``, traced in a real run.

A module is on the path if one of its functions is on the call stack at one of the steps that
carry the question on, each at its first occurrence: its row is read from the data file, its
prompt is rendered, the prompt is run through the model, the answer is read off, stored and
loaded again, it is scored, the score is stored and loaded again, the ROC AUC is computed from
it, and ``metrics.csv`` is written. These are the modules that a debugger enters when stepping from
``main`` down to each of these places. Calls that return before the step (checks, names,
messages, hashes) are not on the path, nor are calls for other purposes: the forecast of a run's
cost, the engine's self-check, and the figures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

MOST = 25


class Steps:
    """Records which of our modules are on the stack when functions that carry the question run."""

    def __init__(self) -> None:
        self.paths: dict[str, list[str]] = {}
        """Step → modules on the stack, the outermost first."""
        self._watched: list[tuple[CodeType, str, str, Callable[[dict[str, Any]], bool]]] = []

    def watch(
        self,
        function: Any,
        step: str,
        within: str,
        when: Callable[[dict[str, Any]], bool] = lambda _: True,
    ) -> None:
        """Record the stack when a function is called.

        The call must be below our function named ``within``, and ``when`` must be true of its
        arguments.
        """
        self._watched.append((function.__code__, step, within, when))

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        for code, step, within, when in self._watched:
            if code is frame.f_code and step not in self.paths and when(frame.f_locals):
                self._note(frame, step, within)

    def _note(self, frame: FrameType, step: str, within: str) -> None:
        stack: list[tuple[str, str]] = []
        above: FrameType | None = frame
        while above is not None:
            stack.append((str(above.f_globals.get("__name__")), above.f_code.co_name))
            above = above.f_back
        if within in [name for _, name in stack]:
            ours = [module for module, _ in reversed(stack) if module.startswith("apprehend.")]
            self.paths[step] = list(dict.fromkeys(ours))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return, per step, our modules on the stack, from a run of one question in this process."""
    import jinja2
    import pyarrow.dataset
    import pyarrow.parquet
    import transformers
    from apprehend.benchmark.cli.main import main
    from apprehend.benchmark.engines.hf.reading import read_answers
    from apprehend.estimators.answers.answer_distribution import OptionEntropy
    from apprehend.reports.statistics.ranking import TieBlocks
    from apprehend.tasks.dataset import load_dataset, read_questions

    def named(argument: str, ending: str) -> Callable[[dict[str, Any]], bool]:
        return lambda given: str(given[argument]).endswith(ending)

    def with_column(name: str) -> Callable[[dict[str, Any]], bool]:
        return lambda given: name in given["table"].column_names

    steps = Steps()
    read, write = pyarrow.parquet.read_table, pyarrow.parquet.write_table
    steps.watch(read_questions, "read", "load_questions")
    steps.watch(jinja2.Template.generate, "rendered", "collect_answers")
    steps.watch(transformers.LlamaForCausalLM.forward, "asked", "collect_answers")
    steps.watch(read_answers, "answered", "collect_answers")
    steps.watch(write, "stored", "collect_answers", with_column("option_logprobs"))
    steps.watch(pyarrow.dataset.dataset, "loaded", "score")
    steps.watch(OptionEntropy.score, "scored", "score")
    steps.watch(write, "score stored", "score", with_column("estimator"))
    steps.watch(read, "read again", "report", named("source", "scores.parquet"))
    steps.watch(TieBlocks.roc_auc, "measured", "compute_metrics")
    steps.watch(Path.replace, "written", "report", named("target", "metrics.csv"))
    folder = tmp_path_factory.mktemp("one") / "results"
    command = (
        "run --model_args pretrained=embedded --device cpu --data embedded --limit 1 --tasks "
        f"mmlu_pro_direct_law --estimators option_entropy --output_path {folder}"
    )
    load_dataset.cache_clear()  # else, what another test in this process has loaded is not read
    sys.setprofile(steps)
    try:
        with pytest.raises(SystemExit) as stopped:
            main(command.split())
    finally:
        sys.setprofile(None)
    assert not stopped.value.code
    assert (folder / "report" / "metrics.csv").is_file()
    return steps.paths


def test_the_question_takes_every_step(path: dict[str, list[str]]) -> None:
    assert set(path) == {
        *("read", "rendered", "asked", "answered", "stored", "loaded", "scored"),
        *("score stored", "read again", "measured", "written"),
    }
    assert all(modules[0] == "apprehend.benchmark.cli.main" for modules in path.values())


def test_one_question_enters_few_modules(path: dict[str, list[str]]) -> None:
    entered = list(dict.fromkeys(name for modules in path.values() for name in modules))
    listed = "\n".join(f"{step}: {' > '.join(names)}" for step, names in path.items())
    assert len(entered) <= MOST, f"{len(entered)} modules\n{listed}"
