"""
Missing scores
==============

Two estimators with different gaps are not comparable as they are. What the gaps can change is
measured.
"""

import apprehend as ap
import matplotlib.pyplot as plt
import numpy as np

results = ap.open("demo")
scores = results.scores()
direct = scores[scores["task"] == "mmlu_pro_direct"]
table = direct.pivot(index="question_id", columns="estimator", values="score")
errors = ~direct.drop_duplicates("question_id").set_index("question_id")["correct"].astype(bool)
errors = errors[table.index].to_numpy(bool)

# %%
# Take one estimator, and lose a fifth of its scores: at random, or where it would have been wrong
# about the answer (certain, but an error).
rng = np.random.default_rng(3)
full = table["token_entropy"].to_numpy()
at_random = np.where(rng.random(len(full)) < 0.2, np.nan, full)
harm = np.where(errors, -full, full)
flattering = np.where(harm > np.quantile(harm, 0.8), np.nan, full)
columns = {"all scores": full, "lost at random": at_random, "lost to its favor": flattering}

names = ["roc_auc", "roc_auc_common", "roc_auc_worst", "coverage"]
measured = ap.evaluate(errors, columns, metrics=names, replicates=200)
values = measured.pivot(index="estimator", columns="metric", values="value").loc[
    list(columns), names
]
values.round(3)

# %%
# ``roc_auc`` leaves missing scores out, and is flattered by those that are missing for a reason.
# ``roc_auc_common`` compares all estimators on the questions that every one of them scored, and
# ``roc_auc_worst`` is what remains if every missing score were as bad as possible.
figure, ax = plt.subplots(figsize=(7, 3.2))
for place, (_, row) in enumerate(values.iterrows()):
    ax.plot([row["roc_auc_worst"], row["roc_auc"]], [place, place], color="0.6")
    ax.plot(row["roc_auc"], place, "o", color="C0", label="ROC AUC" if not place else None)
    worst = "worst case" if not place else None
    ax.plot(row["roc_auc_worst"], place, "s", color="C1", label=worst)
ax.set_yticks(range(len(values)), values.index)
ax.set(xlabel="ROC AUC", ylim=(-0.5, len(values) - 0.5))
ax.legend()
figure.tight_layout()
