"""Rows of other settings, other answers and other stores are never used as a run's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from apprehend.benchmark.cli.main import main
from apprehend.benchmark.console.errors import ApprehendError, UsageError
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import Failed
from apprehend.benchmark.judges.judge_options import JudgeOptions
from apprehend.benchmark.reporting.report_building import report_input
from apprehend.benchmark.run.families import model_name
from apprehend.benchmark.run.outcome import RunOutcome
from apprehend.benchmark.run.run_options import RunOptions
from apprehend.benchmark.run.running import run
from apprehend.benchmark.store.checks.verifying import findings, folder_findings
from apprehend.benchmark.store.derivation import DERIVED_FROM
from apprehend.benchmark.store.parts import check_bytes, part_files
from apprehend.benchmark.store.task_store import Results, TaskStore
from apprehend.estimators import Signal
from apprehend.estimators.signals.batch import AnswerTable, PermutedAnswersTable
from apprehend.tasks.dataset import embedded_file
from changed_settings import CHANGES

TASK = "mmlu_pro_direct_law"
PROBED = ["vote_entropy", "p_true", "permutation_entropy", "question_ablation", "masj_complexity"]


def options_of(folder: Path, **changed: Any) -> RunOptions:
    usual = RunOptions(
        model="hf",
        model_args={"pretrained": "embedded"},
        model_name="tiny",
        tasks=TASK,
        data="embedded",
        fewshot_data=str(embedded_file("examples.parquet")),
        num_fewshot=1,
        estimators=PROBED,
        judges=[JudgeOptions("hf", {"pretrained": "embedded"})],
        samples=2,
        limit=3,
        device="cpu",
        output_path=folder,
        report=False,
    )
    return replace(usual, **changed)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole") / "results"
    assert not run(options_of(folder)).problems
    return folder


@pytest.fixture
def results(whole: Path, tmp_path: Path) -> Path:
    """A copy of them, one per test."""
    shutil.copytree(whole, tmp_path / "results")
    return tmp_path / "results"


def store_in(results: Path, model: str = "tiny") -> TaskStore:
    return TaskStore(results / model / "mmlu_pro_direct")


def rows_of(results: Path) -> dict[str, list[Any]]:
    """Return all stored rows, by signal, sorted; without marks, which change with rounding."""
    store = store_in(results)
    return {
        signal.value: sorted(
            json.dumps(row, sort_keys=True, default=str)
            for file in part_files(store.signal_folder(signal))
            for row in _unmarked(pd.read_parquet(file)).map(_plain).to_dict("records")
        )
        for signal in Signal
    }


def _unmarked(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=DERIVED_FROM, errors="ignore")


def _plain(cell: Any) -> Any:
    """A cell with floats rounded: batches of other sizes differ in the last digits."""
    if isinstance(cell, np.ndarray):
        return [_plain(x) for x in cell]
    return round(cell, 3) if isinstance(cell, float) else cell


def say(*arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0), ""


# -- settings ---------------------------------------------------------------------------------


ELSEWHERE = {
    "include_path": "test_other_words_of_a_third_party_task_are_refused",
    "hidden_layers": "test_other_layers_are_refused",
    "data_columns": "test_other_columns_of_a_file_are_refused",
    "extraction": "test_other_settings_of_traces_are_refused",
    "gen_kwargs": "test_other_settings_of_traces_are_refused",
    "stop_loops": "test_other_settings_of_traces_are_refused",
    "normalization": "test_other_ways_to_ask_whole_texts_are_refused_or_stored_apart",
    "topic_field": "test_other_ways_to_ask_whole_texts_are_refused_or_stored_apart",
    "as_letters": "test_other_ways_to_ask_whole_texts_are_refused_or_stored_apart",
}
"""Options whose change has a test of its own."""


def test_every_option_that_rows_depend_on_is_tried() -> None:
    depending = {f.name for f in fields(RunOptions) if f.metadata["rows"]}
    assert depending == CHANGES.keys() | ELSEWHERE.keys()
    assert set(ELSEWHERE.values()) <= globals().keys()


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize(
    ("option", "says", "change"),
    [(option, *change) for option, changes in CHANGES.items() for change in changes],
    ids=[f"{option}-{says}" for option, changes in CHANGES.items() for says, _ in changes],
)
def test_other_settings_are_refused_and_change_nothing(
    results: Path, tmp_path: Path, option: str, says: str, change: Callable[[Path], Any], cut: bool
) -> None:
    """Whether everything is stored, or a killed run left half of it."""
    store = store_in(results)
    if cut:
        for signal in (Signal.SAMPLES, Signal.JUDGEMENT, Signal.PROMPTED_ANSWERS):
            shutil.rmtree(store.signal_folder(signal))
            # What a killed run leaves before its second part: the manifest records its settings.
        (store.path / "scores.parquet").unlink()
    before = rows_of(results)
    changed = options_of(results, **{option: change(tmp_path)})
    with pytest.raises(UsageError) as refused:
        run(changed)
    line = str(refused.value)
    assert says in line
    assert "another --output_path" in line or "--judge_name" in line
    assert rows_of(results) == before
    assert not list(results.glob("*/*/set_aside"))
    assert [path.name for path in results.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"extraction": "strict"}, "--extraction"),
        ({"gen_kwargs": {"max_gen_toks": 9}}, "the generation settings"),
        ({"stop_loops": True}, "the generation settings"),
        ({"gen_kwargs": {"temperature": 0.5, "do_sample": True}}, "the generation settings"),
        ({"thinking_budget": 9}, "--thinking_budget"),
    ],
)
def test_other_settings_of_traces_are_refused(
    tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    traces = {"tasks": "mmlu_pro_cot_law", "estimators": ["cot_mean_entropy"], "judges": []}
    assert not run(options_of(tmp_path / "results", **traces)).problems
    (part,) = (tmp_path / "results").glob("*/*/signals/trace/*.parquet")
    before = part.read_bytes()
    with pytest.raises(UsageError, match=says):
        run(options_of(tmp_path / "results", **traces, **given))
    assert part.read_bytes() == before


def test_the_manifest_says_the_settings_before_the_first_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    append = TaskStore.append

    def watched(self: TaskStore, signal: Signal, records: Any) -> None:
        settings = self.manifest["settings"]
        for record in records:
            parts = (signal.value, record.get("variant", ""), record.get("source", ""))
            assert " ".join(filter(None, parts)) in settings
        seen.append(signal.value)
        append(self, signal, records)

    monkeypatch.setattr(TaskStore, "append", watched)
    run(options_of(tmp_path / "results"))
    assert {"answer", "samples", "permuted_answers", "self_report", "judgement"} <= set(seen)


def test_nothing_is_loaded_to_see_that_nothing_is_missing(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HFEngine, "__init__", lambda *_: pytest.fail("a model was loaded"))
    assert not run(options_of(results)).problems


def test_models_of_one_endpoint_have_folders_of_their_own() -> None:
    def name(**args: Any) -> str:
        return model_name(RunOptions("local-chat-completions", args, TASK, Path("r")))

    assert name(model="one", base_url="http://127.0.0.1/") == "one"
    assert name(model="other") == "other"


def third_party(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [
        {"question": f"Is {n} even?", "choices": ["yes", "no"], "answer": n % 2} for n in range(3)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "task": "parity",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "rows.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": text,
        "doc_to_choice": ["A", "B"],
        "doc_to_target": "answer",
    }
    (folder / "parity.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_other_words_of_a_third_party_task_are_refused(tmp_path: Path) -> None:
    path = third_party(tmp_path / "tasks", "{{question}} A. yes B. no Answer:")
    mine = options_of(tmp_path / "results", tasks="parity", data=None, include_path=str(path),
                      fewshot_data=None, num_fewshot=0, estimators=None, judges=())  # fmt: skip
    assert not run(mine).problems
    assert not run(mine).problems
    third_party(tmp_path / "tasks", "{{question}} A. no B. yes Answer:")
    with pytest.raises(UsageError, match="the task's prompts"):
        run(mine)


def test_other_ways_to_ask_whole_texts_are_refused_or_stored_apart(tmp_path: Path) -> None:
    path = third_party(tmp_path / "tasks", "{{question}} Answer:")
    config = yaml.safe_load((path / "parity.yaml").read_text())
    config["doc_to_choice"] = "{{['it is ' ~ choices[0], 'it is surely ' ~ choices[1]]}}"
    (path / "parity.yaml").write_text(yaml.safe_dump(config))
    mine = options_of(tmp_path / "results", tasks="parity", data=None, include_path=str(path),
                      fewshot_data=None, num_fewshot=0, estimators=None, judges=())  # fmt: skip
    assert not run(mine).problems
    store = TaskStore(tmp_path / "results" / "tiny" / "parity")
    before = store.manifest
    with pytest.raises(UsageError, match="--normalization"):
        run(replace(mine, normalization="bytes"))
    with pytest.raises(UsageError, match="the questions' topics"):
        run(replace(mine, topic_field="answer"))
    assert not run(replace(mine, as_letters=True)).problems
    store.forget()
    assert store.manifest == before
    assert TaskStore(tmp_path / "results" / "tiny" / "parity_as_letters").has(Signal.ANSWER)


# -- answers that rows were derived from ---------------------------------------------------------


@pytest.fixture
def failing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the second question's request, on the first pass over the questions."""
    score = HFEngine.score
    left = [1]

    def some_fail(self: HFEngine, prompts: Any, *more: Any, **options: Any) -> list[Any]:
        answers: list[Any] = list(score(self, prompts, *more, **options))
        if left[0] and len(answers) == 3:
            left[0] = 0
            answers[1] = Failed("HTTP 400: not now")
        return answers

    monkeypatch.setattr(HFEngine, "score", some_fail)


def scores_of(results: Path) -> pd.DataFrame:
    frame = pd.read_parquet(store_in(results).path / "scores.parquet")
    return frame.pivot_table(index="question_id", columns="estimator", values="score")


@pytest.mark.usefixtures("failing_once")
def test_probes_wait_for_the_answer(whole: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    first = run(options_of(results))
    assert any("gave no answer to 1 of 3" in problem for problem in first.problems)
    store = store_in(results)
    assert len(store.done(Signal.ANSWER)) == 2
    assert len(store.done(Signal.PERMUTED_ANSWERS)) == 2
    assert len(store.done(Signal.SELF_REPORT, "p_true")) == 2
    assert not run(options_of(results)).problems
    pd.testing.assert_frame_equal(scores_of(results), scores_of(whole), atol=1e-4)
    assert rows_of(results) == rows_of(whole)


def delete(results: Path, signal: Signal) -> None:
    shutil.rmtree(store_in(results).signal_folder(signal))


def test_deleted_answers_come_again_and_their_probes_still_fit(results: Path, whole: Path) -> None:
    probes = part_files(store_in(results).signal_folder(Signal.PERMUTED_ANSWERS))
    delete(results, Signal.ANSWER)
    assert not run(options_of(results)).problems
    assert rows_of(results) == rows_of(whole)
    assert part_files(store_in(results).signal_folder(Signal.PERMUTED_ANSWERS)) == probes


def change_answers(results: Path) -> None:
    """Replace the stored answers by others, as an unstable server would."""
    store = store_in(results)
    (file,) = part_files(store.signal_folder(Signal.ANSWER))
    records = pd.read_parquet(file).to_dict("records")
    delete(results, Signal.ANSWER)
    store.forget()
    for record in records[:2]:
        record["option_logprobs"] = record["option_logprobs"] - 0.125
    store.append(Signal.ANSWER, records)


def test_probes_of_changed_answers_are_found_not_used_and_collected_again(results: Path) -> None:
    change_answers(results)
    store = store_in(results)
    for signal, variant in ((Signal.PERMUTED_ANSWERS, ""), (Signal.SELF_REPORT, "p_true")):
        assert len(store.done(signal, variant)) == 1
    found = [str(finding) for finding in findings(store)]
    assert any("permuted_answers" in f and "outdated: 2 of its 3 rows" in f for f in found)
    assert any("self_report" in f and "outdated: 2 of its 3 rows" in f for f in found)
    table = store.load([Signal.PERMUTED_ANSWERS | Signal.PERMUTED_ANSWERS], store.question_ids)
    assert table.permuted_answers.present.sum() == 1
    assert not run(options_of(results)).problems
    assert len(store_in(results).done(Signal.PERMUTED_ANSWERS)) == 3
    assert findings(store_in(results)) == []
    orders = store_in(results).load_table(PermutedAnswersTable, store.question_ids)
    answers = store_in(results).load_table(AnswerTable, store.question_ids)
    np.testing.assert_array_equal(orders.option_logprobs[:, 0], answers.option_logprobs)


def test_rows_that_older_schemas_derived_from_nothing_are_found(tmp_path: Path) -> None:
    """Schema 2 stored no mark: the order as asked tells whether it is the stored answer."""
    results = tmp_path / "results"
    shutil.copytree(Path(__file__).parent / "stores" / "schema_2", results)
    store = store_in(results, "org__tiny")
    assert len(store.done(Signal.PERMUTED_ANSWERS)) == 3
    (file,) = part_files(store.signal_folder(Signal.PERMUTED_ANSWERS))
    records = pd.read_parquet(file).to_dict("records")
    records[0]["option_logprobs"] = [[float("nan")] * 10, *records[0]["option_logprobs"][1:]]
    shutil.rmtree(file.parent)
    store.forget()
    store.append(Signal.PERMUTED_ANSWERS, records)
    assert len(TaskStore(store.path).done(Signal.PERMUTED_ANSWERS)) == 2


def test_parts_deleted_while_a_run_lasts_are_missed(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprehend.benchmark.run import running

    results = tmp_path / "results"
    collect = running.collect_judgements

    def after_deleting(*arguments: Any) -> None:
        delete(results, Signal.ANSWER)
        collect(*arguments)

    monkeypatch.setattr(running, "collect_judgements", after_deleting)
    lost: RunOutcome | str
    try:
        lost = " ".join(run(options_of(results)).problems)
    except ApprehendError as error:
        lost = str(error)
    assert "lost during the run" in str(lost) or "no answers stored" in str(lost)
    monkeypatch.undo()
    assert not run(options_of(results)).problems
    assert rows_of(results) == rows_of(whole)


# -- whose a store is ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aaa", "zzz"])
@pytest.mark.parametrize("link", [False, True], ids=["copy", "link"])
def test_copies_are_refused_and_found(results: Path, link: bool, name: str) -> None:
    if link:
        (results / name).symlink_to(results / "tiny", target_is_directory=True)
    else:
        shutil.copytree(results / "tiny", results / name)
    with pytest.raises(ApprehendError, match="are one store"):
        report_input(Results(results))
    stores = [store_in(results, model) for model in sorted(("tiny", name))]
    ((path, (finding,)),) = folder_findings(stores).items()
    assert path == store_in(results, name).path
    assert "copied: the same store as" in finding.problem
    assert say("verify", results)[0] == 1
    assert say("report", results, "--output_path", results.parent / "report")[0] == 1


def test_a_renamed_store_is_found_and_can_be_taken_as_it_is_called_now(results: Path) -> None:
    (results / "tiny").rename(results / "small")
    with pytest.raises(ApprehendError, match="renamed: it is the store of tiny/"):
        report_input(Results(results))
    assert say("verify", results)[0] == 1
    assert say("verify", results, "--repair")[0] == 0
    assert say("verify", results)[0] == 0
    assert set(report_input(Results(results)).scores["model"]) == {"small"}


def other_store(results: Path) -> TaskStore:
    """A store of the same questions by the same model, sampled at another temperature."""
    run(options_of(results.parent / "other", temperature=2.0, estimators=PROBED[:1], judges=()))
    return store_in(results.parent / "other")


def test_scores_of_another_store_are_refused_and_found(results: Path) -> None:
    shutil.copy(other_store(results).path / "scores.parquet", store_in(results).path)
    with pytest.raises(ApprehendError, match="unexpected: not computed for this store"):
        report_input(Results(results))
    (finding,) = findings(store_in(results))
    assert "scores.parquet: unexpected" in str(finding)


def test_scores_of_other_answers_are_refused_and_found(results: Path) -> None:
    store = store_in(results)
    (file,) = part_files(store.signal_folder(Signal.ANSWER))
    records = pd.read_parquet(file).to_dict("records")
    records[0]["answer"] = (records[0]["answer"] + 1) % 3
    delete(results, Signal.ANSWER)
    store.forget()
    store.append(Signal.ANSWER, records)
    with pytest.raises(ApprehendError, match="outdated: question"):
        report_input(Results(results))


def test_parts_of_other_settings_are_found(results: Path) -> None:
    theirs = part_files(other_store(results).signal_folder(Signal.SAMPLES))
    folder = store_in(results).signal_folder(Signal.SAMPLES)
    shutil.rmtree(folder)
    folder.mkdir()
    for file in theirs:
        shutil.copy(file, folder)
        check_bytes(folder / file.name)
    found = [str(finding) for finding in findings(store_in(results))]
    assert any("collected with other settings of samples direct" in line for line in found)
    with pytest.raises(ApprehendError, match="other settings of samples direct"):
        store_in(results).done(Signal.SAMPLES, "direct")


def test_parts_swapped_between_stores_of_equal_settings_are_found(
    results: Path, tmp_path: Path
) -> None:
    run(options_of(tmp_path / "twin", estimators=["random"], judges=()))
    theirs = part_files(store_in(tmp_path / "twin").signal_folder(Signal.ANSWER))
    folder = store_in(results).signal_folder(Signal.ANSWER)
    shutil.rmtree(folder)
    folder.mkdir()
    for file in theirs:
        shutil.copy(file, folder)
    found = [str(finding) for finding in findings(store_in(results))]
    assert any("unexpected: written for another store" in line for line in found)


def test_other_columns_of_a_file_are_refused(tmp_path: Path) -> None:
    """Another right option, topic or id by other columns of the same file."""
    rows = [
        {"n": i, "m": 9 - i, "q": f"Is it {i}?", "yes": "y", "no": "n", "a": "AB"[i % 2],
         "b": "B", "t": "law", "u": "tax"}
        for i in range(4)
    ]  # fmt: skip
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = "id=n,question=q,options=yes+no,answer=a,topic=t"

    def options(columns: str) -> RunOptions:
        return options_of(
            tmp_path / "results", data=str(file), data_columns=columns, tasks="direct",
            fewshot_data=None, num_fewshot=0, estimators=["option_entropy"], judges=[],
        )  # fmt: skip

    def stored() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (tmp_path / "results").rglob("part-*")}

    assert not run(options(columns)).problems
    before = stored()
    assert {path.parents[2].name for path in before} == {"d_direct"}
    for old, new, says in (
        ("answer=a", "answer=b", "the questions"),
        ("id=n", "id=m", "the questions"),
        ("yes+no", "no+yes", "the questions"),
        ("topic=t", "topic=u", "the questions' topics"),
    ):
        with pytest.raises(UsageError, match=says):
            run(options(columns.replace(old, new)))
    assert stored() == before
    run(options(columns + ",name=d"))  # the same questions, said in other words
    assert stored() == before


def test_other_layers_are_refused(results: Path) -> None:
    estimators = ["hidden_state_probe"]
    assert not run(options_of(results, estimators=estimators)).problems
    with pytest.raises(UsageError, match=r"hidden_state .*hidden_layers"):
        run(options_of(results, estimators=estimators, hidden_layers=("1",)))
    assert not run(options_of(results, estimators=estimators)).problems
