"""Update what the documentation shows of `make demo`: its tables, and the figure of AUC by topic.

README.md has the rows of all questions and of the strata, the tutorial those of the topics.

make demo && .venv/bin/python docs/demo_table.py
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd
from apprehend.reports.metrics.topic_tables import macro_label
from apprehend.reports.statistics.intervals import FEW_MARK, FEW_MEANING

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- demo:start -->\n", "<!-- demo:end -->\n"
ESTIMATORS = ("token_entropy", "post_answer_entropy", "masj_complexity", "random")
_LAST = ("all", "macro", "src=embedded/knowledge", "requires_reasoning=yes")
PAGES = {
    ROOT / "README.md": False,
    ROOT / "docs" / "tutorials" / "benchmark_a_model.md": True,
}
"""Page → whether its table has the topics, or the rows of many."""


def demo_table(metrics: pd.DataFrame, by_topic: bool) -> str:
    """Format rows × estimators of the direct answers as Markdown: the topics, or those of many."""
    direct = metrics[(metrics.task == "mmlu_pro_direct") & metrics.estimator.isin(ESTIMATORS)]
    topics = sorted(topic for topic in set(direct.topic) if "=" not in topic)
    rows = [topic for topic in topics if topic not in _LAST] if by_topic else _LAST
    head = " | ".join(f"`{name}`" for name in ESTIMATORS)
    lines = [f"| topic | n | errors | {head} |", "|:--|--:|--:|" + "--:|" * len(ESTIMATORS)]
    for topic in rows:
        part = direct[direct.topic == topic].set_index("estimator").loc[list(ESTIMATORS)]
        cells = [
            f"{row.roc_auc:.2f} [{row.roc_auc_low:.2f}, {row.roc_auc_high:.2f}]"
            if row.roc_auc_low == row.roc_auc_low
            else f"{row.roc_auc:.2f}{FEW_MARK}"
            for row in part.itertuples()
        ]
        counts = f"{part.n.iloc[0]:,} | {part.n_errors.iloc[0]:,}"
        label = macro_label(part.n_topics, part.n_topics_total) if topic == "macro" else topic
        lines.append(f"| {label} | {counts} | {' | '.join(cells)} |")
    if direct.roc_auc_low.isna().any():
        few = direct[direct.topic == "macro"].interval_note.dropna().unique()
        lines += ["", f"{FEW_MARK} {FEW_MEANING}{''.join(f' ({note})' for note in few)}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=ROOT / "demo" / "report")
    report = parser.parse_args().report
    metrics = pd.read_csv(report / "metrics.csv")
    for page, by_topic in PAGES.items():
        before, _, rest = page.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        table = demo_table(metrics, by_topic)
        page.write_text(f"{before}{START}{table}{END}{after}", encoding="utf-8")
    picture = report / "figures" / "roc_auc_by_topic_embedded_mmlu_pro_direct.png"
    shutil.copyfile(picture, ROOT / "docs" / "images" / "roc_auc_by_topic.png")


if __name__ == "__main__":
    main()
