"""The path of one question from the command line to ``metrics.csv``, followed through a real run.

A module is on the path if one of its functions is on the call stack at one of the steps that carry
the question on: its row is read from the data file, its prompt is rendered, the prompt goes through
the model, the answer is stored and loaded, it is scored, the score is stored, a metric is computed
of it, and ``metrics.csv`` is written. Those are the modules that somebody passes who steps from
``main`` down to each of these places. What a function on the stack calls beside, and has back
before the step (checks, names, messages, hashes), is not on the path.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

MOST = 25


class Steps:
    """Notes which modules of ours are on the stack when functions that carry the question run."""

    def __init__(self) -> None:
        self.paths: dict[str, list[str]] = {}
        """Step → modules on the stack, the outermost first."""
        self._watched: dict[CodeType, tuple[str, Callable[[dict[str, Any]], bool]]] = {}

    def watch(
        self, function: Any, step: str, when: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> None:
        """Note the stack where ``function`` is called and ``when`` is true of its arguments."""
        self._watched[function.__code__] = (step, when)

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        found = self._watched.get(frame.f_code) if event == "call" else None
        if found is None or not found[1](frame.f_locals):
            return
        above: FrameType | None = frame
        names: list[str] = []
        while above is not None:
            names.append(str(above.f_globals.get("__name__")))
            above = above.f_back
        known = self.paths.setdefault(found[0], [])
        known += [n for n in reversed(names) if n.startswith("apprehend.") and n not in known]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Step → modules of ours, of a run of one question in this process."""
    import jinja2
    import pyarrow.dataset
    import pyarrow.parquet
    import transformers
    from apprehend.benchmark.cli.main import main
    from apprehend.estimators.answer_distribution import OptionEntropy
    from apprehend.reports.statistics import ranking

    steps = Steps()
    write, read = pyarrow.parquet.write_table, pyarrow.parquet.read_table
    steps.watch(read, "read", lambda given: str(given["source"]).endswith("questions.parquet"))
    steps.watch(jinja2.Template.generate, "rendered")
    steps.watch(transformers.LlamaForCausalLM.forward, "asked")
    steps.watch(write, "stored", lambda given: "option_logprobs" in given["table"].column_names)
    steps.watch(pyarrow.dataset.dataset, "loaded")
    steps.watch(OptionEntropy.score, "scored")
    for function in vars(ranking).values():
        for one in (
            (function, *vars(function).values()) if isinstance(function, type) else (function,)
        ):
            if hasattr(one, "__code__"):
                steps.watch(one, "measured")
    steps.watch(Path.replace, "written", lambda given: Path(given["target"]).name == "metrics.csv")
    folder = tmp_path_factory.mktemp("one") / "results"
    command = (
        "run --model_args pretrained=embedded --device cpu --data embedded --limit 1 --tasks "
        f"mmlu_pro_direct_law --estimators option_entropy --output_path {folder}"
    )
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
        *("read", "rendered", "asked", "stored", "loaded", "scored", "measured", "written")
    }
    assert all(modules[0] == "apprehend.benchmark.cli.main" for modules in path.values())


def test_one_question_enters_few_modules(path: dict[str, list[str]]) -> None:
    entered = list(dict.fromkeys(name for modules in path.values() for name in modules))
    listed = "\n".join(f"{step}: {' > '.join(names)}" for step, names in path.items())
    assert len(entered) <= MOST, f"{len(entered)} modules\n{listed}"
