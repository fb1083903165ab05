"""Rebuild the embedded sample: ``python -m apprehend.tasks.sample.build``.

Questions, examples, tokenizer and model are determined by fixed seeds; the weights agree between
machines up to rounding. It takes minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..mmlu_pro import STYLES
from .lessons import FIRST_LESSONS, Teacher
from .sample_judge import LEVELS, QUESTIONNAIRES, assessment
from .tokenizer import SPECIAL, build_tokenizer
from .train import Plan, new_model, train
from .wording import FACT_FORMS, SUM_FORMS
from .world import SEED, Question, Sample, World, make_sample, make_world, rows, shuffled_by_topic

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
FIRST_ID, FIRST_EXAMPLE_ID = 0, 100_000
VOCABULARY_LESSONS = 20_000
FREQUENCIES = "token_frequencies.json"


def world_phrases() -> list[str]:
    """Return the constant parts of the world's questions and answers, each a token."""
    parts = [part for forms in FACT_FORMS.values() for form in forms for part in form.split("{}")]
    for form in SUM_FORMS.values():
        parts += [*form.starts, *form.steps.values(), form.ask]
    parts += ["; plus", "; minus", "; doubled", "It asks for one fact.", "knowledge: "]
    parts += [", reasoning: ", ", steps: ", *LEVELS]
    parts += [f". {choice.text}\n" for choice in STYLES["mmlu_pro_direct_dont_know"].choices([])]
    return [part for part in parts if part.strip()]


def make_tokenizer(world: World, sample: Sample) -> PreTrainedTokenizerBase:
    """Build the tokenizer from the words of the lessons."""
    teacher = Teacher(world, sample.held_out, random.Random("vocabulary"))
    texts = [segment.text for _ in range(VOCABULARY_LESSONS) for segment in teacher.lesson()]
    rng = random.Random("vocabulary")
    for question in (*sample.test, *sample.examples):
        row = question.row(0)
        options = "".join(f". {option}\n" for option in question.options)
        texts += [f"Question: {row['question']}\nOptions:\n{options}", question.chain]
        texts += [assessment(name, question, rng) for name in QUESTIONNAIRES]
    return build_tokenizer(world_phrases(), texts)


def write_questions(path: Path, questions: tuple[Question, ...], first_id: int) -> None:
    """Write questions to a Parquet file in MMLU-Pro's schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows(questions, first_id)), path, compression="zstd")


def write_frequencies(
    path: Path, world: World, sample: Sample, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Write how often each token occurs in lessons such as those that the model learns from.

    A JSON object of token → count over the whole vocabulary, of ``VOCABULARY_LESSONS`` lessons.
    """
    teacher = Teacher(world, sample.held_out, random.Random("frequencies"), FIRST_LESSONS)
    counts = dict.fromkeys(tokenizer.get_vocab(), 0)
    for _ in range(VOCABULARY_LESSONS):
        for segment in teacher.lesson():
            for token in tokenizer.tokenize(segment.text):
                counts[token] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    path.write_text(json.dumps(dict(ranked), ensure_ascii=False, indent=0) + "\n", "utf-8")


def write_model(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write the checkpoint as transformers reads it."""
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _name_the_general_class(folder / "tokenizer_config.json")
    for path in folder.iterdir():
        path.chmod(0o644)


def _name_the_general_class(file: Path) -> None:
    """Write names that transformers 4 and 5 both read; those that 5 saves are new in it."""
    config: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    config.pop("backend", None)
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config["additional_special_tokens"] = config.pop("extra_special_tokens", list(SPECIAL[2:]))
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def build(folder: Path, plan: Plan, seed: int = SEED) -> None:
    """Build everything in a temporary folder beside ``folder``, then move it in."""
    world = make_world()
    sample = make_sample(world)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".sample-") as name:
        made = Path(name)
        write_questions(made / "questions.parquet", shuffled_by_topic(sample.test), FIRST_ID)
        write_questions(made / "examples.parquet", sample.examples, FIRST_EXAMPLE_ID)
        tokenizer = make_tokenizer(world, sample)
        model = new_model(tokenizer, seed)
        logger.info("%d tokens, %d parameters", len(tokenizer), model.num_parameters())
        rng = random.Random(f"lessons {seed}")
        teacher = Teacher(world, sample.held_out, rng, FIRST_LESSONS)
        train(model, tokenizer, teacher, plan, seed)
        write_model(made / "model", model, tokenizer)
        write_frequencies(made / FREQUENCIES, world, sample, tokenizer)
        _move(made, folder)


def _move(made: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model").mkdir(exist_ok=True)
    for source in sorted(path for path in made.rglob("*") if path.is_file()):
        source.replace(folder / source.relative_to(made))


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild the embedded sample.")
    parser.add_argument("--output_path", type=Path, default=FOLDER)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    build(arguments.output_path, Plan(steps=arguments.steps, threads=arguments.threads))


if __name__ == "__main__":
    main()
