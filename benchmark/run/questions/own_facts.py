"""What a run knows of our own tasks, whose rows are in MMLU-Pro's schema."""

from __future__ import annotations

from ....tasks import mmlu_pro
from ....tasks.prompting import Prompt
from ....tasks.question_row import Row, question_id_of
from .task_facts import TaskFacts


def own_facts(family: str, user: Prompt | None = None) -> TaskFacts:
    """Return the facts of a group of our own; ``user`` replaces its prompt template."""
    style = mmlu_pro.style_of(family)
    return TaskFacts(
        view=style.view,
        own_id=question_id_of,
        rotated=rotated,
        uniform=lambda row, text: {**row, "options": [text] * len(row["options"])},
        restemmed=lambda row, change: mmlu_pro.render_user(
            {**row, "question": change(row["question"])}, style, user
        ),
        reworded=lambda row, prompt: mmlu_pro.render_user(row, style, prompt),
    )


def rotated(row: Row, shift: int) -> Row:
    """Rotate the options: place i gets original option (i + shift) mod K. Labels stay in place."""
    options = list(row["options"])
    count = len(options)
    return {**row, "options": [options[(i + shift) % count] for i in range(count)]}
