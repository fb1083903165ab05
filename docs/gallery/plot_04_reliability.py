"""
Reliability before and after calibration
========================================

Is a score that claims to be the probability of an error right about it?
"""

import apprehend as ap
import matplotlib.pyplot as plt

results = ap.open("demo")
scores = results.scores(["max_probability", "isotonic"])
table = scores.pivot(index="question_id", columns="estimator", values="score")
errors = ~scores.drop_duplicates("question_id").set_index("question_id")["correct"].astype(bool)
errors = errors[table.index].to_numpy(bool)

# %%
# ``1 - max p`` comes from the model as it is. ``isotonic`` maps it to an error rate by an
# increasing step function, fitted out of fold. On the diagonal, a score is calibrated; the model
# is overconfident where it is below.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4))
for ax, name in zip(axes, ["max_probability", "isotonic"], strict=True):
    ap.plot.reliability(errors, table[name], name=name, ax=ax)
figure.tight_layout()

# %%
# Calibration changes what the number means, and here hardly the order of the answers.
ap.evaluate(errors, table, metrics=["roc_auc", "brier", "ece"]).round(3)
