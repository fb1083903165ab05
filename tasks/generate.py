"""Generate the lm-eval task files in ``configs/``: ``python -m apprehend.tasks.generate``.

There is one template and one group file per group, and one small file per topic. They are
committed, so that lm-eval reads them as they are; a test compares them with this module's output.
"""

from __future__ import annotations

from pathlib import Path

from .mmlu_pro import STYLES, Style
from .prompting import load_prompt
from .topics import TOPICS, topic_slug

CONFIG_FOLDER = Path(__file__).parent / "configs"
TASK_VERSION = 1

_COMMON = """\
dataset_path: TIGER-Lab/MMLU-Pro
custom_dataset: !function apprehend.tasks.mmlu_pro.load
test_split: test
fewshot_split: validation
doc_to_text: !function apprehend.tasks.mmlu_pro.{short}_text
target_delimiter: " "
fewshot_delimiter: "\\n\\n"
metadata:
  version: {version}
"""

_DIRECT = """\
output_type: multiple_choice
doc_to_choice: !function apprehend.tasks.mmlu_pro.{short}_choices
doc_to_target: !function apprehend.tasks.mmlu_pro.gold_index
fewshot_config:
  sampler: first_n
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""

_COT = """\
output_type: generate_until
doc_to_target: !function apprehend.tasks.mmlu_pro.{short}_target
fewshot_config:
  sampler: first_n
process_results: !function apprehend.tasks.mmlu_pro.{short}_results
generation_kwargs:
  until:
    - "\\nQuestion:"
  max_gen_toks: 1024
  do_sample: false
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: parsed
    aggregation: mean
    higher_is_better: true
"""


def _template(group: str, style: Style) -> str:
    body = _COMMON + (_COT if style.chain_of_thought else _DIRECT)
    return body.format(short=group.removeprefix("mmlu_pro_"), version=TASK_VERSION)


def _topic_file(group: str, topic: str, style: Style) -> str:
    system = load_prompt(style.system).render(
        topic=topic, label_kind=style.label_kind, dont_know=style.dont_know
    )
    slug = topic_slug(topic)
    return (
        "include: _template_yaml\n"
        f"task: {group}_{slug}\n"
        f"task_alias: {topic}\n"
        f"process_docs: !function apprehend.tasks.mmlu_pro.only_{slug}\n"
        f'description: "{system}\\n\\n"\n'
    )


def _group_file(group: str) -> str:
    members = "".join(f"  - {group}_{topic_slug(topic)}\n" for topic in TOPICS)
    return (
        f"group: {group}\n"
        f"task:\n{members}"
        "aggregate_metric_list:\n"
        "  - metric: acc\n"
        "    aggregation: mean\n"
        "    weight_by_size: true\n"
        f"metadata:\n  version: {TASK_VERSION}\n"
    )


def config_files() -> dict[str, str]:
    """Return relative path → text of every task file."""
    files: dict[str, str] = {}
    for group, style in STYLES.items():
        files[f"{group}/_template_yaml"] = _template(group, style)
        files[f"{group}/{group}.yaml"] = _group_file(group)
        for topic in TOPICS:
            name = f"{group}_{topic_slug(topic)}"
            files[f"{group}/{name}.yaml"] = _topic_file(group, topic, style)
    return files


def main() -> None:
    for name, text in config_files().items():
        path = CONFIG_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
