"""Any multiple-choice task of lm-eval: its question view, its values, its predictions, its ids."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pandas as pd
import pytest
import yaml
from apprehend.benchmark.console.errors import UsageError
from apprehend.benchmark.engines.shared.engine import Generation
from apprehend.benchmark.run.asking.loaded_task import LoadedTask, TaskOptions
from apprehend.benchmark.run.asking.task_loading import expand_tasks, load_tasks
from apprehend.benchmark.run.questions.examples import asking
from apprehend.benchmark.run.questions.local_data import local_data
from apprehend.benchmark.run.questions.task_files import task_manager
from apprehend.estimators import Signal
from apprehend.tasks.dataset import embedded_file
from apprehend.tasks.prompting import load_prompt
from apprehend.tasks.question_view import lettered_user
from helpers import in_process
from lm_eval_data import SUBJECTS, options, word, write, write_hub
from models import make_model

COUNT = 5
LABELS = ["gpqa_main_zeroshot", "commonsense_qa", "medmcqa", "mmlu_anatomy"]
TEXTS = ["arc_challenge", "hellaswag", "truthfulqa_mc1", "winogrande"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local data sets, laid out as on the hub."""
    return write_hub(tmp_path_factory.mktemp("hub"), COUNT)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), "llama", bos=True)


def loaded(name: str, hub: Path, **more: Any) -> list[LoadedTask]:
    return load_tasks(expand_tasks(name, more.get("include_path")),
                      TaskOptions(data=str(hub), **more))  # fmt: skip


# -- question views -------------------------------------------------------------------------------

VIEWS = [
    ("mmlu_anatomy", "Which of these does anatomy know as {}?", 4, "mmlu_anatomy"),
    ("arc_challenge", "What is found below {}?", 4, "arc_challenge"),
    ("commonsense_qa", "Where would you look for {}?", 5, "commonsense_qa"),
    ("medmcqa", "Which drug acts on {}?", 4, "medmcqa"),
    ("hellaswag", "Building: A man carries {}. He", 4, "hellaswag"),
    ("truthfulqa_mc1", "What is true of {}?", 4, "truthfulqa_mc1"),
    ("mmlu_pro_law", "Which is the law of {}?", 5, "law"),
    ("mmlu_anatomy_generative", "Which of these does anatomy know as {}?", 4, None),
]


@pytest.mark.parametrize(("name", "stem", "count", "topic"), VIEWS, ids=[v[0] for v in VIEWS])
def test_the_view_of_a_question(
    name: str, stem: str, count: int, topic: str | None, hub: Path
) -> None:
    (task,) = loaded(name, hub)
    view = task.view(task.questions()[1])
    assert view.stem == stem.format(word(1))
    texts = (
        [f"walks to {text}." for text in options(1)] if name == "hellaswag" else options(1, count)
    )
    assert list(view.options) == texts
    assert list(view.labels) == list("ABCDE"[:count])
    assert view.gold == ((0,) if name == "truthfulqa_mc1" else (1,))
    assert view.topic == (topic or name)
    stored = task.stored(task.questions()[1])
    assert stored["question"] == view.stem
    assert stored["options"] == texts


def test_options_that_make_prompts_of_their_own_are_whole_sentences(hub: Path) -> None:
    (task,) = loaded("winogrande", hub)
    view = task.view(task.questions()[0])
    assert view.options == tuple(
        f"Ann gave Eva the {word(0)} because {name} was kind." for name in ("Ann", "Eva")
    )
    assert view.gold == (0,)


def test_several_right_options_are_those_that_the_task_accepts(hub: Path) -> None:
    (task,) = loaded("truthfulqa_mc2", hub)
    facts = task.facts
    row = {**task.questions()[0].row}
    row["mc2_targets"] = {"choices": options(0, 3), "labels": [1, 0, 1]}
    assert facts.view(row).gold == (0, 2)
    assert [facts.is_right(row, index) for index in range(3)] == [True, False, True]
    assert facts.view(row).only_gold == -1


def test_shuffled_options_are_the_same_in_every_cache(hub: Path) -> None:
    """GPQA shuffles its options when it is loaded; whatever was drawn before, it is the same."""
    random.seed(7)
    (first,) = loaded("gpqa_main_zeroshot", hub)
    random.seed(8)
    (second,) = loaded("gpqa_main_zeroshot", hub)
    views = [[task.view(q) for q in task.questions()] for task in (first, second)]
    assert views[0] == views[1]
    assert [task.task.eval_docs[2]["choice1"] for task in (first, first)] == 2 * [
        views[0][2].options[0]
    ]
    assert len({view.gold for view in views[0]}) > 1
    for number, view in enumerate(views[0]):
        assert view.options[view.only_gold] == options(number)[0]
    (other,) = loaded("gpqa_main_zeroshot", hub, seed=5)
    assert [other.view(q) for q in other.questions()] != views[0]


def test_a_group_is_one_task_with_a_topic_per_member(hub: Path, tmp_path: Path) -> None:
    for subject in SUBJECTS:
        (tmp_path / f"{subject}.yaml").write_text(_subject(subject, "sciences"))
    members = [f"mmlu_{subject}" for subject in SUBJECTS]
    group = {"group": "sciences", "task": [f"my_{m}" for m in members]}
    (tmp_path / "sciences.yaml").write_text(yaml.safe_dump(group))
    tasks = loaded("sciences", hub, include_path=str(tmp_path))
    assert [task.family for task in tasks] == ["sciences"] * 3
    assert [task.view(task.questions()[0]).topic for task in tasks] == list(SUBJECTS)
    ids = [question.question_id for task in tasks for question in task.questions()]
    assert len(set(ids)) == 3 * COUNT
    assert ids[0] == "my_mmlu_anatomy/0"
    (by_field,) = loaded("mmlu_anatomy", hub, topic_field="answer")
    assert [by_field.view(q).topic for q in by_field.questions()] == ["0", "1", "2", "3", "0"]


def _subject(subject: str, group: str) -> str:
    config = {
        "task": f"my_mmlu_{subject}",
        "task_alias": subject,
        "dataset_path": "cais/mmlu",
        "dataset_name": subject,
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}\n{% for c in choices %}({{'ABCD'[loop.index0]}}) {{c}}\n"
        "{% endfor %}Answer:",
        "doc_to_choice": ["A", "B", "C", "D"],
        "doc_to_target": "answer",
    }
    return yaml.safe_dump(config)


def test_the_lettered_prompt_is_a_plain_function_of_a_view(hub: Path) -> None:
    (task,) = loaded("arc_challenge", hub)
    (lettered,) = loaded("arc_challenge", hub, as_letters=True)
    assert lettered.family == "arc_challenge_as_letters"
    for number, question in enumerate(lettered.questions()):
        view = task.view(question)
        assert lettered.view(question) == view
        text = lettered.task.doc_to_text(question.row)
        assert text == lettered_user(view)
        shown = "".join(f"{a}. {b}\n" for a, b in zip(view.labels, view.options, strict=True))
        assert text == f"Question: What is found below {word(number)}?\nOptions:\n{shown}Answer:"
        turned = lettered.facts.rotated(question.row, 1)
        assert lettered.facts.view(turned).options == (*view.options[1:], view.options[0])
    assert lettered.prompts["lettered_system"] == load_prompt("lettered_system").source


def rows(folder: Path, name: str) -> pd.DataFrame:
    """The stored rows of a signal, ids as text, as questions have them."""
    table = helpers.rows(folder, name)
    return table.assign(question_id=table["question_id"].astype(str))


# -- values ---------------------------------------------------------------------------------------


def run(name: str, hub: Path, model: Path, folder: Path, *more: Any) -> Path:
    done = in_process(
        ["run", "--model_args", f"pretrained={model}", "--device", "cpu", "--tasks", name,
         "--data", hub, "--no_report", "--output_path", folder / "results", "--model_name", "m",
         *more],
        folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "results" / "m" / name


def harness_samples(
    name: str, hub: Path, model: Path, shots: int | None = None, lengths: str | None = None
) -> list[Any]:
    """The samples of lm-eval's own evaluation with its own ``hf`` model, in their order."""
    from lm_eval import simple_evaluate

    random.seed(0)
    np.random.seed(1234)
    with local_data(str(hub), None):
        done = simple_evaluate(
            model="hf",
            model_args=f"pretrained={model},dtype=float32",
            tasks=[name],
            task_manager=task_manager([name], None, {}),
            device="cpu",
            batch_size=1,
            bootstrap_iters=0,
            num_fewshot=shots,
            gen_kwargs=lengths,
            fewshot_random_seed=0,
            log_samples=True,
        )
    assert done is not None
    return sorted(done["samples"][name], key=lambda sample: sample["doc_id"])


@pytest.mark.parametrize("name", [*LABELS, *TEXTS])
def test_likelihoods_and_predictions_equal_those_of_lm_eval(
    name: str, hub: Path, model: Path, tmp_path: Path
) -> None:
    answers = rows(run(name, hub, model, tmp_path), "answer").set_index("question_id")
    (task,) = loaded(name, hub)
    samples = harness_samples(name, hub, model)
    assert len(samples) == len(answers) == COUNT
    for question, sample in zip(task.questions(), samples, strict=True):
        row = answers.loc[question.question_id]
        expected = [float(reply[0][0]) for reply in sample["resps"]]
        np.testing.assert_allclose(row.scored_logprobs, expected, atol=1e-4)
        assert row.answer == int(np.argmax(expected))
        assert row.correct == int(sample["acc"])


@pytest.mark.parametrize(
    ("normalization", "metric"), [("characters", "acc_norm"), ("bytes", None), ("tokens", None)]
)
def test_normalized_answers_equal_those_of_lm_eval(
    normalization: str, metric: str | None, hub: Path, model: Path, tmp_path: Path
) -> None:
    store = run("hellaswag", hub, model, tmp_path, "--normalization", normalization)
    answers = rows(store, "answer").set_index("question_id")
    (task,) = loaded("hellaswag", hub)
    for question, sample in zip(
        task.questions(), harness_samples("hellaswag", hub, model), strict=True
    ):
        row = answers.loc[question.question_id]
        texts = task.view(question).options
        own = np.array([float(reply[0][0]) for reply in sample["resps"]])
        lengths = {"characters": [len(t) for t in texts], "tokens": row.option_tokens,
                   "bytes": [len(t.encode()) for t in texts]}[normalization]  # fmt: skip
        compared = own / np.array(lengths, float)
        shares = compared - np.log(np.exp(compared - compared.max()).sum()) - compared.max()
        np.testing.assert_allclose(row.option_logprobs, shares, atol=1e-4)
        assert row.answer == int(np.argmax(compared))
        if metric is not None:
            assert row.correct == int(sample[metric])
    manifest = json.loads((store / "manifest.json").read_text())
    assert manifest["task"]["normalization"] == normalization
    other = in_process(
        ["run", "--model_args", f"pretrained={model}", "--device", "cpu", "--tasks", "hellaswag",
         "--data", hub, "--no_report", "--output_path", tmp_path / "results", "--model_name", "m"],
        tmp_path,
    )  # fmt: skip
    assert other.returncode == 2
    assert "--normalization" in other.stderr


@pytest.mark.parametrize("name", ["mmlu_anatomy_generative", "mmlu_pro_law"])
def test_generated_answers_are_read_by_the_tasks_own_filter(
    name: str, hub: Path, tmp_path: Path
) -> None:
    """The embedded model answers with letters, and its texts and scores are those of lm-eval."""
    model = embedded_file("model")
    more = ["--gen_kwargs", "max_gen_toks=12", "--num_fewshot", 1]
    traces = rows(run(name, hub, model, tmp_path, *more), "trace").set_index("question_id")
    (task,) = loaded(name, hub)
    samples = harness_samples(name, hub, model, 1, "max_gen_toks=12")
    assert len(samples) == len(traces) == COUNT
    for question, sample in zip(task.questions(), samples, strict=True):
        row = traces.loc[question.question_id]
        assert row.text == sample["resps"][0][0]
        assert row.correct == int(sample["exact_match"])
        read = sample["filtered_resps"][0]
        letters = "ABCDE"[: len(task.view(question).options)]
        expected = letters.index(read) if read in tuple(letters) else None
        assert (None if pd.isna(row.answer) else row.answer) == expected
        assert row.rule == "filter" if expected is not None else pd.isna(row.rule)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("mmlu_anatomy_generative", " B", 1),
        ("mmlu_anatomy_generative", "Because it is.", None),
        ("mmlu_pro_law", "It is wet, so the answer is (E). Or not.", 4),
        ("mmlu_pro_law", "It is E.", None),
        ("gpqa_main_cot_zeroshot", "First, water. The answer is (C).", 2),
        ("gpqa_main_cot_zeroshot", "(C)", None),
    ],
)
def test_the_filter_decides_what_counts_as_an_answer(
    name: str, text: str, expected: int | None, hub: Path
) -> None:
    (task,) = loaded(name, hub)
    generation = Generation(text, [], [], [], [], 1, True, token_at=lambda place: place)
    row = task.questions()[0].row
    answer, position, _ = task.facts.read(generation, row, "ladder")
    assert (None if answer is None else answer.index) == expected
    if answer is not None:
        assert answer.rule == "filter"
        assert text[position] == "ABCDE"[answer.index]


def test_drawn_examples_are_those_of_lm_eval_whatever_is_asked(
    hub: Path, model: Path, tmp_path: Path
) -> None:
    """ARC draws its examples; a run in two parts shows those of lm-eval's run over all."""
    more = ["--num_fewshot", 2, "--estimators", "question_ablation"]
    run("arc_challenge", hub, model, tmp_path, *more, "--limit", 2)
    store = run("arc_challenge", hub, model, tmp_path, *more)
    answers = rows(store, "answer").set_index("question_id")
    assert set(answers.index) == {f"Mercury_{number}" for number in range(COUNT)}
    samples = harness_samples("arc_challenge", hub, model, 2)
    texts = set()
    for number, sample in enumerate(samples):
        expected = [float(reply[0][0]) for reply in sample["resps"]]
        stored = answers.loc[f"Mercury_{number}"].scored_logprobs
        np.testing.assert_allclose(stored, expected, atol=1e-4)
        texts.add(sample["arguments"][0][0].rpartition("\n\n")[0])
    assert len(texts) > 1  # the examples differ between questions


@pytest.mark.parametrize("file", [True, False], ids=["--fewshot_data", "hub"])
def test_a_question_is_no_example_of_its_own(
    file: bool, hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The training split, or a file of examples, may hold the questions under other ids."""
    copied = tmp_path / "hub"
    shutil.copytree(hub, copied)
    (questions,) = copied.rglob("ARC-Challenge/test.jsonl")
    examples = questions.with_name("train.jsonl")
    rows = [json.loads(line) for line in questions.read_text("utf-8").splitlines()]
    lines = (json.dumps({**row, "id": f"other_{n}"}) + "\n" for n, row in enumerate(rows))
    examples.write_text("".join(lines), "utf-8")
    more = {"fewshot_data": str(examples)} if file else {}
    data = questions if file else copied
    (task,) = loaded("arc_challenge", data, num_fewshot=COUNT - 1, **more)
    shown = []
    for number, question in enumerate(task.questions()):
        asking(task.task, [number])
        prompt = task.task.fewshot_context(question.row, COUNT - 1)
        assert prompt.count(task.view(question).stem) == 1
        shown.append(prompt.count("Question: "))
    assert shown == [COUNT] * COUNT
    assert capsys.readouterr().err.count("each is left out of its own") == 1
    (task,) = loaded("arc_challenge", data, num_fewshot=COUNT, **more)
    asking(task.task, [0])
    with pytest.raises(UsageError, match="has 4 examples for question 0"):
        task.task.fewshot_context(task.questions()[0].row, COUNT)


def test_places_are_ids_in_a_resumed_run_too(hub: Path, model: Path, tmp_path: Path) -> None:
    for folder in ("parts", "once"):
        (tmp_path / folder).mkdir()
    for limit in (2, 4):
        run("mmlu_anatomy", hub, model, tmp_path / "parts", "--limit", limit)
    run("mmlu_anatomy", hub, model, tmp_path / "once", "--limit", 4)
    parts, once = (
        rows(tmp_path / folder / "results" / "m" / "mmlu_anatomy", "answer")
        for folder in ("parts", "once")
    )
    assert list(parts.question_id) == list(once.question_id) == ["0", "1", "2", "3"]
    np.testing.assert_allclose(
        np.stack(parts.scored_logprobs), np.stack(once.scored_logprobs), atol=1e-4
    )


class Plain:
    """Log-probabilities of a model by plain transformers, one text at a time, in float32."""

    def __init__(self, model: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model = AutoModelForCausalLM.from_pretrained(model).float().eval()

    def likelihood(self, context: str, text: str) -> tuple[float, int]:
        """log p(text | context), and the number of its tokens; without context after BOS."""
        import torch

        if context:
            before = self.tokenizer(context)["input_ids"]
            ids = self.tokenizer(context + text)["input_ids"]
        else:
            before = [self.tokenizer.bos_token_id]
            ids = before + self.tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = self.model(torch.tensor([ids])).logits[0].double()
        steps = torch.log_softmax(logits, dim=-1)
        own = range(len(before), len(ids))
        return float(sum(steps[place - 1, ids[place]] for place in own)), len(own)


@pytest.fixture(scope="module")
def plain(model: Path) -> Plain:
    return Plain(model)


def shares(values: Sequence[float]) -> Any:
    array = np.array(values)
    return array - array.max() - np.log(np.exp(array - array.max()).sum())


def test_texts_without_the_prompt_are_their_prior(
    hub: Path, model: Path, plain: Plain, tmp_path: Path
) -> None:
    store = run("arc_challenge", hub, model, tmp_path, "--normalization", "prior",
                "--estimators", "option_entropy,question_ablation")  # fmt: skip
    answers = rows(store, "answer").set_index("question_id")
    asked = rows(store, "prompted_answers").set_index("question_id")
    (task,) = loaded("arc_challenge", hub)
    for number, question in enumerate(task.questions()):
        row = answers.loc[question.question_id]
        texts = [f" {text}" for text in task.view(question).options]
        for shown, prompt in ((row, word(number)), (asked.loc[question.question_id], None)):
            stem = f"What is found below {prompt}?" if prompt else "(not shown)"
            own = [plain.likelihood(f"Question: {stem}\nAnswer:", text) for text in texts]
            prior = [plain.likelihood("", text)[0] for text in texts]
            lifted = [value - before for (value, _), before in zip(own, prior, strict=True)]
            np.testing.assert_allclose(shown.option_logprobs, shares(lifted), atol=1e-4)
            assert shown.answer == int(np.argmax(lifted))
        own = [plain.likelihood(f"Question: What is found below {word(number)}?\nAnswer:", text)
               for text in texts]  # fmt: skip
        np.testing.assert_allclose(row.scored_logprobs, [value for value, _ in own], atol=1e-4)
        np.testing.assert_allclose(row.prior_logprobs, prior, atol=1e-4)
        assert list(row.option_tokens) == [size for _, size in own]


def test_what_a_task_cannot_give_is_refused_before_the_model_is_loaded(
    hub: Path, tmp_path: Path
) -> None:
    def refusal(*more: Any) -> str:
        done = in_process(
            ["run", "--model_args", "pretrained=embedded", "--device", "cpu", "--data", hub,
             "--no_report", "--output_path", tmp_path / "r", *more],
            tmp_path,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.strip().splitlines()
        return line

    hella = ("--tasks", "hellaswag")
    asked = refusal(*hella, "--estimators", "permutation_entropy")
    assert "its prompt does not list the options (--as_letters asks" in asked
    asked = refusal(*hella, "--model", "local-completions", "--model_args", "model=x")
    assert "whole texts, which --model local-completions cannot score" in asked
    assert "generated text" in refusal("--tasks", "mmlu_anatomy_generative", "--as_letters")
    assert "has no field 'x', known: " in refusal(*hella, "--topic_field", "x")
    assert "expected one of none, characters" in refusal(*hella, "--normalization", "x")
    ours = ("--tasks", "mmlu_pro_direct_law", "--data", "embedded")
    assert "our own tasks" in refusal(*ours, "--as_letters")
    assert "expected files such as" in refusal("--tasks", "arc_easy")
    assert "did you mean 'hellaswag'" in refusal("--tasks", "helaswag")
    write(tmp_path, "stories.jsonl", [{"text": "It was a cold day"}])
    asked = refusal("--tasks", "lambada_openai", "--data", tmp_path / "stories.jsonl")
    assert "output_type loglikelihood" in asked


# -- every estimator ------------------------------------------------------------------------------

TOPICS = ("north", "south", "west")
OF_LABELS = {
    "doc_to_text": "{{question}}\nA. {{a}}\nB. {{b}}\nC. {{c}}\nAnswer:",
    "doc_to_choice": ["A", "B", "C"],
}
OF_TEXTS = {"doc_to_text": "Q: {{question}}\nA:", "doc_to_choice": "{{[a, b, c]}}"}


def users_task(folder: Path, name: str, how: dict[str, Any]) -> Path:
    """A user's YAML with questions of three topics in a file of their own."""
    folder.mkdir(exist_ok=True)
    made = [
        {"question": f"Which is {word(n)}, seen from {TOPICS[n % 3]}?", "right": n % 3,
         **dict(zip("abc", options(n, 3), strict=True)), "region": TOPICS[n % 3]}
        for n in range(6)
    ]  # fmt: skip
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    config = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"validation": str(folder / "questions.jsonl")}},
        "validation_split": "validation",
        "output_type": "multiple_choice",
        "doc_to_target": "right",
        **how,
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return folder


def run_users(name: str, folder: Path, model: str, *more: Any) -> tuple[Path, str]:
    done = in_process(
        ["run", "--model_args", f"pretrained={model}", "--device", "cpu", "--tasks", name,
         "--include_path", folder, "--topic_field", "region", "--estimators", "all", "--judge",
         "hf", "--judge_args", "pretrained=embedded", "--no_report", "--model_name", "m",
         "--samples", 3, "--output_path", folder / "results", *more],
        folder,
    )  # fmt: skip
    # The embedded judge may answer in no readable way; all else is stored and scored.
    assert done.returncode == 0 or "gave no readable reply" in done.stderr, done.stderr
    ending = "_as_letters" if "--as_letters" in more else ""
    return folder / "results" / "m" / f"{name}{ending}", done.stderr


NEVER = {"committee_disagreement", "committee_surprise", "chosen_committee"}
"""They need a second model."""
OF_TEXTS_ALONE = {Signal.TRACE, Signal.FORCED_ANSWERS}


def scored(store: Path) -> set[str]:
    table = pd.read_parquet(store / "scores.parquet")
    assert set(table.topic) == set(TOPICS)
    assert table.groupby("estimator").question_id.nunique().eq(6).all()
    return set(table.estimator)


def possible() -> set[str]:
    """All estimators of direct answers."""
    from apprehend.estimators.registry import builtin_estimators

    return {
        cls().label
        for cls in builtin_estimators().values()
        if not any(
            need.signals <= {Signal.TRACE, Signal.FORCED_ANSWERS} for need in cls().requirements()
        )
        and cls.name not in NEVER
    }


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = users_task(tmp_path_factory.mktemp("labeled"), "mine", OF_LABELS)
    return run_users("mine", folder, "embedded")


def judged_apart(names: set[str]) -> set[str]:
    """Without those of the embedded judge and self-reports, which may not be readable."""
    from apprehend.estimators.registry import builtin_estimators

    apart = ("judges", "asking the model")
    families = {cls().label: cls.family for cls in builtin_estimators().values()}
    return {name for name in names if families[name] not in apart}


def test_every_estimator_exists_on_a_users_task_with_labels(labeled: tuple[Path, str]) -> None:
    store, _ = labeled
    assert judged_apart(possible()) - judged_apart(scored(store)) == set()
    assert {"p_true", "masj_reasoning_steps"} <= scored(store)


def test_values_on_a_users_task_with_labels_equal_plain_ones(labeled: tuple[Path, str]) -> None:
    store, _ = labeled
    plain = Plain(embedded_file("model"))
    answers = rows(store, "answer").set_index("question_id")
    turned = rows(store, "permuted_answers").set_index("question_id")
    asked = rows(store, "prompted_answers").set_index(["variant", "question_id"])
    for n in range(6):
        texts = options(n, 3)
        stem = f"Which is {word(n)}, seen from {TOPICS[n % 3]}?"
        for shift in range(3):
            order = texts[shift:] + texts[:shift]
            shown = "".join(f"{a}. {b}\n" for a, b in zip("ABC", order, strict=True))
            own = [plain.likelihood(f"{stem}\n{shown}Answer:", f" {x}")[0] for x in "ABC"]
            back = [own[(place - shift) % 3] for place in range(3)]
            if not shift:
                np.testing.assert_allclose(answers.loc[str(n)].scored_logprobs, own, atol=1e-4)
            stored = turned.loc[str(n)].option_logprobs[shift]
            assert (stored >= np.array(back) - 1e-4).all()  # with the labels' other spellings
            assert turned.loc[str(n)].answers[shift] == (int(np.argmax(own)) + shift) % 3
        shown = "".join(f"({a}) {b}\n" for a, b in zip("ABC", texts, strict=True))
        own = [
            plain.likelihood(f"{stem}\n\n{shown}The right choice is:", f" {x}")[0] for x in "ABC"
        ]
        assert asked.loc["paraphrase_1", str(n)].answer == int(np.argmax(own))
        shown = "".join(f"{a}. {b}\n" for a, b in zip("ABC", texts, strict=True))
        own = [plain.likelihood(f"(not shown)\n{shown}Answer:", f" {x}")[0] for x in "ABC"]
        assert asked.loc["no_stem", str(n)].answer == int(np.argmax(own))
        shown = "".join(f"{a}. N/A\n" for a in "ABC")
        own = [plain.likelihood(f"N/A\n{shown}Answer:", f" {x}")[0] for x in "ABC"]
        assert asked.loc["content_free", str(n)].answer == int(np.argmax(own))


@pytest.mark.slow
def test_every_estimator_that_can_exist_does_on_a_users_task_with_texts(
    model: Path, plain: Plain, tmp_path: Path
) -> None:
    folder = users_task(tmp_path / "texts", "long", OF_TEXTS)
    store, said = run_users("long", folder, str(model))
    missing = judged_apart(possible()) - judged_apart(scored(store))
    assert missing == {
        # single-token estimators
        *("token_entropy", "post_answer_entropy", "off_option_mass", "truncated_entropy"),
        *("logtoku", "layer_disagreement", "layer_path_probe", "perturbed_state_probe"),
        # one order only, since the prompt does not list the options
        *("permutation_entropy", "permutation_consistency", "permutation_mutual_information"),
        *("inv_entropy", "pride_debiased_probability", "correctness_aware"),
        *("id_debiased_entropy", "adaptive_tsallis_entropy"),
        # prompts of our own ask for a letter; samples are drawn tokens
        *("prompt_consistency", "prompt_mutual_information", "instruction_gap"),
        "contextual_calibration",
        *("majority_margin", "consensus_cross_entropy"),
        *("vote_share", "vote_entropy", "consistency_confidence", "vendi_score", "eigen_score"),
        *("consistency_with_confidence", "semantic_entropy_probe"),
    }
    assert "its prompt does not list the options (--as_letters asks in a prompt of ours)" in said
    table = pd.read_parquet(store / "scores.parquet").pivot_table(
        index="question_id", columns="estimator", values="score"
    )
    for n in range(6):
        stem = f"Which is {word(n)}, seen from {TOPICS[n % 3]}?"
        own = [plain.likelihood(f"Q: {stem}\nA:", f" {text}")[0] for text in options(n, 3)]
        p = np.exp(shares(own))
        assert table.loc[str(n), "option_entropy"] == pytest.approx(
            -(p * np.log(p)).sum(), abs=1e-4
        )
        assert table.loc[str(n), "max_probability"] == pytest.approx(1 - p.max(), abs=1e-4)
        hidden = [plain.likelihood("Q: (not shown)\nA:", f" {text}")[0] for text in options(n, 3)]
        best = int(np.argmax(own))
        ablated = np.exp(shares(hidden))[best] - p[best]
        assert table.loc[str(n), "question_ablation"] == pytest.approx(ablated, abs=1e-4)
    lettered, _ = run_users("long", folder, str(model), "--as_letters")
    assert judged_apart(possible()) - judged_apart(scored(lettered)) == set()
    answers = rows(lettered, "answer").set_index("question_id")
    for n in range(6):
        stem = f"Which is {word(n)}, seen from {TOPICS[n % 3]}?"
        shown = "".join(f"{a}. {b}\n" for a, b in zip("ABC", options(n, 3), strict=True))
        prompt = (
            "Reply with the letter of the one correct option, and with nothing else.\n\n"
            f"Question: {stem}\nOptions:\n{shown}Answer:"
        )
        own = [plain.likelihood(prompt, f" {label}")[0] for label in "ABC"]
        np.testing.assert_allclose(answers.loc[str(n)].scored_logprobs, own, atol=1e-4)
