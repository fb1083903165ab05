"""Update README.md from the report of `make demo`: its table, and the figure of AUC by topic.

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


def demo_table(metrics: pd.DataFrame) -> str:
    """Format topic × estimator of the direct answers as Markdown."""
    direct = metrics[(metrics.task == "mmlu_pro_direct") & metrics.estimator.isin(ESTIMATORS)]
    topics = sorted(topic for topic in set(direct.topic) if "=" not in topic)
    rows = [topic for topic in topics if topic not in _LAST]
    head = " | ".join(f"`{name}`" for name in ESTIMATORS)
    lines = [f"| topic | n | errors | {head} |", "|:--|--:|--:|" + "--:|" * len(ESTIMATORS)]
    for topic in (*rows, *_LAST):
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
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    table = demo_table(pd.read_csv(report / "metrics.csv"))
    readme.write_text(f"{before}{START}{table}{END}{after}", encoding="utf-8")
    picture = report / "figures" / "roc_auc_by_topic_embedded_mmlu_pro_direct.png"
    shutil.copyfile(picture, ROOT / "docs" / "images" / "roc_auc_by_topic.png")


if __name__ == "__main__":
    main()
