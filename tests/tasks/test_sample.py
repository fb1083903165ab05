"""The embedded sample: its files, its questions, its tokenizer and its model."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from apprehend.tasks import LETTERS, TOPICS
from apprehend.tasks.dataset import embedded_file, read_questions
from apprehend.tasks.mmlu_pro import STYLES, choice_labels, example_trace, gold_index, render_user
from apprehend.tasks.prompting import load_prompt
from apprehend.tasks.questionnaires import QUESTIONNAIRES as QUESTIONNAIRES_ASKED
from apprehend.tasks.reading.parsing import parse_marked_label
from apprehend.tasks.sample import world as worlds
from apprehend.tasks.sample.build import (
    FIRST_EXAMPLE_ID,
    FIRST_ID,
    FREQUENCIES,
    make_tokenizer,
    write_frequencies,
)
from apprehend.tasks.sample.lessons import Segment, Teacher, Turn, chat_turns, plain
from apprehend.tasks.sample.measure import answer_directly, auc_interval, direct_prompt, generate
from apprehend.tasks.sample.sample_judge import QUESTIONNAIRES
from apprehend.tasks.sample.self_reporting import SELF_REPORT_PROMPTS, belief, self_report_lesson
from apprehend.tasks.sample.tokenizer import END, build_tokenizer, template_phrases
from apprehend.tasks.sample.train import (
    FETCH_LAYER,
    IGNORED,
    RECALL_LAYER,
    Plan,
    encode,
    new_model,
    train,
)
from apprehend.tasks.sample.wording import NUMBERS
from apprehend.tasks.self_report_prompts import P_TRUE_LABELS, SELF_REPORTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FOLDER = embedded_file("model").parent
MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return read_questions(FOLDER / "questions.parquet")


@pytest.fixture(scope="module")
def examples() -> list[dict[str, Any]]:
    return read_questions(FOLDER / "examples.parquet")


@pytest.fixture(scope="module")
def world() -> worlds.World:
    return worlds.make_world()


@pytest.fixture(scope="module")
def sample(world: worlds.World) -> worlds.Sample:
    return worlds.make_sample(world)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(FOLDER / "model")


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(FOLDER / "model").eval()


# files and questions


def test_the_package_stays_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < MOST_BYTES


def test_questions_have_the_schema(rows: list[dict[str, Any]]) -> None:
    columns = ["question_id", "question", "options", "answer", "answer_index",
               "cot_content", "category", "src"]  # fmt: skip
    raw = pd.read_parquet(FOLDER / "questions.parquet")
    assert list(raw.columns) == columns
    assert [LETTERS[index] for index in raw.answer_index] == [row["answer"] for row in rows]
    assert all(row["question_id"].isdigit() for row in rows)


def test_every_topic_has_a_hundred_questions_and_five_examples(
    rows: list[dict[str, Any]], examples: list[dict[str, Any]]
) -> None:
    counts = Counter(row["category"] for row in rows)
    assert set(counts) == set(TOPICS)
    assert min(counts.values()) >= 100
    assert Counter(row["category"] for row in examples) == dict.fromkeys(TOPICS, 5)


def test_option_lists(rows: list[dict[str, Any]], examples: list[dict[str, Any]]) -> None:
    counts = Counter(len(row["options"]) for row in rows)
    assert set(counts) == set(range(3, 11))
    assert 0.8 < counts[10] / len(rows) < 0.86
    for row in (*rows, *examples):
        assert len(set(row["options"])) == len(row["options"])


def test_gold_letters_are_balanced(rows: list[dict[str, Any]]) -> None:
    ten = Counter(row["answer"] for row in rows if len(row["options"]) == 10)
    assert set(ten) == set(LETTERS[:10])
    assert max(ten.values()) < 1.25 * min(ten.values())


def test_texts_and_ids_are_unique(
    rows: list[dict[str, Any]], examples: list[dict[str, Any]]
) -> None:
    asked = [row["question"] for row in rows]
    assert len(set(asked)) == len(asked)
    ids = [row["question_id"] for row in (*rows, *examples)]
    assert len(set(ids)) == len(ids)


def test_sources_tell_the_number_of_steps(rows: list[dict[str, Any]]) -> None:
    assert {row["src"] for row in rows} == {"embedded/knowledge"} | {
        f"embedded/reasoning-{steps}" for steps in worlds.SUMS_PER_STEPS
    }
    knowledge = {row["category"] for row in rows if row["src"] == "embedded/knowledge"}
    assert knowledge == set(worlds.KNOWLEDGE_TOPICS)


def test_examples_reason_in_the_form_of_mmlu_pro(examples: list[dict[str, Any]]) -> None:
    for row in examples:
        assert row["cot_content"].startswith("A: Let's think step by step. ")
        assert row["cot_content"].endswith(f" The answer is ({row['answer']}).")
        target = example_trace(row, STYLES["mmlu_pro_cot"])
        assert row["options"][gold_index(row)] in target
        assert target.endswith(f". [[{row['answer']}]]")


# the world


def test_the_committed_questions_follow_from_the_seed(sample: worlds.Sample) -> None:
    made = worlds.rows(worlds.shuffled_by_topic(sample.test), FIRST_ID)
    assert made == pq.read_table(FOLDER / "questions.parquet").to_pylist()
    made = worlds.rows(sample.examples, FIRST_EXAMPLE_ID)
    assert made == pq.read_table(FOLDER / "examples.parquet").to_pylist()


def test_another_seed_makes_another_world() -> None:
    assert worlds.make_world(1) == worlds.make_world(1)
    assert worlds.make_world(1) != worlds.make_world(2)


def test_names_are_unique(world: worlds.World) -> None:
    values = [value for pool in world.values.values() for value in pool]
    entities = {fact.entity for facts in world.facts.values() for fact in facts}
    assert len(set(values)) == len(values)
    assert len(entities) == worlds.ENTITIES_PER_TOPIC * len(worlds.KNOWLEDGE_TOPICS)
    assert not {name.lower() for name in entities} & set(values)


def test_sums_are_computed_modulo_ten() -> None:
    operations = (("plus", 5), ("doubled", 0), ("minus", 9), ("plus", 1))
    sum_ = worlds.Sum("math", 0, 7, operations)
    assert sum_.results() == [2, 4, 5, 6]
    question = worlds.ask_sum(sum_, random.Random(0), 10, place=3)
    assert question.options[3] == "six"
    assert question.chain == (
        "Start seven; plus five is two; doubled is four; minus nine is five; plus one is six."
    )


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 4), topic=st.sampled_from(TOPICS))
@settings(max_examples=50, deadline=None)
def test_any_sum_has_its_result_among_its_options(seed: int, steps: int, topic: str) -> None:
    rng = random.Random(seed)
    if topic not in worlds.REASONING_TOPICS:
        topic = "math"
    sum_ = worlds.draw_sum(topic, steps, rng)
    question = worlds.ask_sum(sum_, rng, worlds.option_count(rng))
    assert question.steps == steps
    assert question.options[question.answer_index] == NUMBERS[sum_.results()[-1]]
    assert len(set(question.options)) == len(question.options)


def test_lessons_never_show_a_test_question(world: worlds.World, sample: worlds.Sample) -> None:
    teacher = Teacher(world, sample.held_out, random.Random(5))
    shown = [teacher.question(topic) for topic in TOPICS for _ in range(300)]
    asked = {(question.text, question.options) for question in sample.test}
    assert not asked & {(question.text, question.options) for question in shown}
    sums = {question.text for question in sample.test if question.steps}
    assert not sums & {question.text for question in shown if question.steps}


def test_facts_are_told_unequally_often(world: worlds.World, sample: worlds.Sample) -> None:
    teacher = Teacher(world, sample.held_out, random.Random(6))
    ranks = Counter(teacher.question("law").rank for _ in range(3000))
    assert ranks[0] > 5 * ranks[20] > 0
    assert sum(ranks[rank] for rank in range(60, 120)) < ranks[0] * 3


# lessons


def test_lessons_are_joined_as_lm_eval_joins_prompts() -> None:
    turns = [Turn("Q1\nAnswer:", "A"), Turn("Q2\nAnswer:", "B")]
    assert plain(turns, "S") == [
        ("S\n\nQ1\nAnswer:", False, "", ""),
        (" A", True, "", ""),
        ("\n\nQ2\nAnswer:", False, "", ""),
        (" B", True, "", ""),
        (END, True, "", ""),
    ]
    assert plain([Turn("list\n", "[[1]]")])[1] == Segment("[[1]]", True)


def test_what_to_have_in_mind_stands_where_it_is_needed(world: worlds.World) -> None:
    fact = world.facts["law"][0]
    question = worlds.ask_fact(world, fact, random.Random(0), 4, place=2)
    word = f" {fact.value}"
    direct = plain([Turn(f"Q: {question.text} Answer:", "C", question)])
    assert direct == [
        Segment(f"Q: {question.text}", recalled=word),
        Segment(" Answer:", fetched=word),
        Segment(" C", True),
        Segment(END, True),
    ]
    chain = plain([Turn(f"Q: {question.text} Reasoning:", f"{question.chain} [[C]]", question)])
    assert chain[1:-1] == [
        Segment(" Reasoning:"),
        Segment(f" {question.chain} [[", True, fetched=word),
        Segment("C]]", True),
    ]


def test_chat_lessons_are_what_the_chat_template_writes(tokenizer: Any) -> None:
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q"},
    ]
    lesson = chat_turns([Turn("Q", "A")], "S")
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == "".join(segment.text for segment in lesson if not segment.learn)
    messages.append({"role": "assistant", "content": "A"})
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert whole == "".join(segment.text for segment in lesson)
    parts = [{"role": "user", "content": [{"type": "text", "text": "Q"}]}]
    assert tokenizer.apply_chat_template(parts, tokenize=False) == f"<|user|>Q{END}"


@pytest.mark.parametrize("name", SELF_REPORT_PROMPTS)
def test_self_reports_are_taught_in_the_form_that_is_read(name: str, world: worlds.World) -> None:
    rng = random.Random(2)
    for fact in world.facts["law"][::20]:
        question = worlds.ask_fact(world, fact, rng, 5)
        prompt, reply = self_report_lesson(name, question, rng)
        assert question.text in prompt
        if name == "self_p_true":
            assert reply in P_TRUE_LABELS
        elif name == "judge_correctness":
            assert 0 < (QUESTIONNAIRES_ASKED["correctness"].read(reply).value or 0) < 1
        else:
            report = SELF_REPORTS[name.removeprefix("self_")].read(reply, LETTERS[:5])
            assert report.reason is None
            assert 0 < (report.value or 0) < 1


def test_the_less_a_fact_is_told_the_less_sure_is_the_report(world: worlds.World) -> None:
    law = [worlds.ask_fact(world, fact, random.Random(0), 10) for fact in world.facts["law"]]
    beliefs = [belief(question) for question in law]
    assert beliefs == sorted(beliefs, reverse=True)
    assert beliefs[0] > 0.9
    assert beliefs[-1] < 0.2


def test_lessons_tokenise_alike_in_pieces_and_whole(
    world: worlds.World, sample: worlds.Sample, tokenizer: Any
) -> None:
    teacher = Teacher(world, sample.held_out, random.Random(7))
    lessons = [teacher.lesson() for _ in range(200)]
    for lesson, encoded in zip(lessons, encode(lessons, tokenizer), strict=True):
        ids = tokenizer.encode("".join(segment.text for segment in lesson))
        assert ids[:-1] == encoded.ids
        assert len(encoded.ids) == len(encoded.learnt)
        assert any(token != IGNORED for token in encoded.learnt)
        assert {layer for _, layer, _ in encoded.thoughts} <= {RECALL_LAYER, FETCH_LAYER}


def test_thoughts_stand_at_the_end_of_the_question_and_before_the_label(
    world: worlds.World, tokenizer: Any
) -> None:
    question = worlds.ask_fact(world, world.facts["law"][0], random.Random(0), 10)
    prompt = render_user(question.row(0), STYLES["mmlu_pro_direct"], load_prompt("direct"))
    (encoded,) = encode([plain([Turn(prompt, "A", question)])], tokenizer)
    (word,) = tokenizer.encode(f" {question.options[question.answer_index]}")
    (asked, first, said), (due, second, also) = encoded.thoughts
    assert tokenizer.decode(encoded.ids[: asked + 1]).endswith(question.text)
    assert tokenizer.decode(encoded.ids[: due + 1]).endswith("Answer:")
    assert (first, second) == (RECALL_LAYER, FETCH_LAYER)
    assert said == also == word
    assert encoded.learnt[due] == tokenizer.encode(" A")[0]


# the tokenizer


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", ["  two  spaces ", " ,  . ! don 't", "a\r\n\tb\n\n\n", "AAA 123"])
def test_awkward_text_comes_back(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("label", [*string.ascii_uppercase, *string.digits])
def test_labels_are_single_tokens_beside_anything(tokenizer: Any, label: str) -> None:
    spaced, bare = tokenizer.encode(f" {label}"), tokenizer.encode(label)
    assert len(spaced) == len(bare) == 1
    assert spaced != bare
    assert tokenizer.encode(f"[[{label}]]")[1:2] == bare
    assert tokenizer.encode(f"Answer: {label}")[1:] == spaced
    assert tokenizer.encode(f"\n{label}. text\n")[1:2] == bare


def test_constant_parts_of_templates_are_single_tokens(tokenizer: Any) -> None:
    phrases = [phrase for phrase in template_phrases() if len(phrase) >= 5]
    # What follows a proposed answer lacks its line's end, which belongs to the answer's token.
    whole = [text for text in phrases if not text.startswith(("\nHow", "\nIs"))]
    assert len(whole) > 12
    for phrase in whole:
        assert len(tokenizer.encode(phrase)) == 1, phrase


@pytest.mark.parametrize("name", SELF_REPORT_PROMPTS)
def test_self_reports_are_short(tokenizer: Any, world: worlds.World, name: str) -> None:
    fact = worlds.ask_fact(world, world.facts["law"][0], random.Random(0), 10)
    prompt, _ = self_report_lesson(name, fact, random.Random(0))
    assert len(tokenizer.encode(prompt)) <= 70


def test_prompts_are_short(tokenizer: Any, rows: list[dict[str, Any]]) -> None:
    lengths = [len(tokenizer.encode(direct_prompt(row))) for row in rows]
    assert max(lengths) <= 45


def test_the_committed_tokenizer_follows_from_the_seed(
    tokenizer: Any, world: worlds.World, sample: worlds.Sample
) -> None:
    assert make_tokenizer(world, sample).get_vocab() == tokenizer.get_vocab()


# the model


def test_the_checkpoint_says_how_to_generate(model: Any, tokenizer: Any) -> None:
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert model.config.max_position_embeddings >= 1024
    assert str(model.dtype) == "torch.float32"
    assert model.config.vocab_size == len(tokenizer)


def test_the_model_knows_more_than_chance(
    model: Any, tokenizer: Any, rows: list[dict[str, Any]]
) -> None:
    right, entropy = answer_directly(model, tokenizer, rows[::4])
    knowledge = np.array([row["src"] == "embedded/knowledge" for row in rows[::4]])
    assert right[knowledge].mean() > 0.17
    assert auc_interval(1 - right[knowledge], entropy[knowledge])[1] > 0.6


def test_the_model_is_right_often_enough(
    model: Any, tokenizer: Any, rows: list[dict[str, Any]]
) -> None:
    right, _ = answer_directly(model, tokenizer, rows[::4])
    assert 0.35 < right.mean() < 0.85


def test_the_model_reasons_in_the_asked_form(
    model: Any, tokenizer: Any, rows: list[dict[str, Any]]
) -> None:
    chosen = rows[::16]
    texts = generate(model, tokenizer, [direct_prompt(row, "mmlu_pro_cot") for row in chosen])
    found = [
        parse_marked_label(text, choice_labels(row, STYLES["mmlu_pro_cot"]))
        for text, row in zip(texts, chosen, strict=True)
    ]
    assert np.mean([mark is not None for mark in found]) > 0.95


@pytest.mark.parametrize("name", [*QUESTIONNAIRES, "judge_rating"])
def test_the_model_judges_in_the_asked_form(
    model: Any, tokenizer: Any, rows: list[dict[str, Any]], name: str
) -> None:
    chosen = rows[::32]
    prompts = [
        tokenizer.apply_chat_template(
            [
                {
                    "role": "user",
                    "content": load_prompt(name).render(
                        **STYLES["mmlu_pro_direct"].context(row),
                        assessment="It asks for one fact. [[0.4]]",
                    ),
                }
            ],
            tokenize=False,
            add_generation_prompt=True,
        )
        for row in chosen
    ]
    allowed = {
        "judge_complexity": r"0\.\d",
        "judge_education_level": "high school|undergraduate|graduate|postgraduate",
        "judge_reasoning_steps": r"knowledge: (yes|no), reasoning: (yes|no), "
        r"steps: (low|medium|high)",
        "judge_rating": r"[1-9]|10",
    }[name]
    import re

    texts = generate(model, tokenizer, prompts)
    fits = [re.search(rf"\[\[({allowed})\]\]$", text) is not None for text in texts]
    assert np.mean(fits) > 0.97, texts


def test_few_shot_prompts_fit_with_room(
    tokenizer: Any, rows: list[dict[str, Any]], examples: list[dict[str, Any]]
) -> None:
    style = STYLES["mmlu_pro_cot"]
    shots = [f"{render_user(row, style)} {example_trace(row, style)}" for row in examples[:5]]
    assert len(tokenizer.encode("\n\n".join([*shots, direct_prompt(rows[0])]))) < 1024


# making it


def test_a_tiny_course_trains_the_same_way_twice(
    world: worlds.World, sample: worlds.Sample, tokenizer: Any
) -> None:
    weights = []
    torch.set_num_threads(1)
    for _ in range(2):
        student = new_model(tokenizer, seed=3)
        teacher = Teacher(world, sample.held_out, random.Random(3))
        train(student, tokenizer, teacher, Plan(steps=1, tokens_per_step=400, threads=1), seed=3)
        weights.append(student.lm_head.weight.detach().numpy().copy())
    assert np.array_equal(*weights)


def test_a_tokenizer_of_other_words_is_lossless(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    built = build_tokenizer(["a whole phrase"], ["some words"])
    built.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = "a whole phrase, some words, and ümläuts: 42\n"
    assert again.decode(again.encode(text)) == text


@pytest.mark.slow
def test_frequencies_of_tokens_are_those_of_the_lessons(
    world: worlds.World, sample: worlds.Sample, tokenizer: Any, tmp_path: Path
) -> None:
    write_frequencies(tmp_path / FREQUENCIES, world, sample, tokenizer)
    shipped = (FOLDER / FREQUENCIES).read_bytes()
    assert (tmp_path / FREQUENCIES).read_bytes() == shipped
    assert json.loads(shipped).keys() == tokenizer.get_vocab().keys()
