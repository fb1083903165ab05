"""
A metric of your own
====================

A function of errors and scores is a metric: with its mean over topics and an interval.
"""

import apprehend as ap
import matplotlib.pyplot as plt
import numpy as np
from apprehend.reports import check_metric, metric


@metric(better="higher", bounds=(0, 1))
def errors_found(errors, scores):
    """Share of the errors among the most uncertain fifth of the answers."""
    if not errors.any():
        return float("nan")
    threshold = np.sort(scores)[-max(1, len(scores) // 5)]
    return errors[scores >= threshold].sum() / errors.sum()


# %%
# Does it conform? Range, orientation, row order, ties, edge cases:
{outcome.check: outcome.status for outcome in check_metric(errors_found)}

# %%
# On the demo's results, by topic:
results = ap.open("demo")
scores = results.scores()
direct = scores[(scores["task"] == "mmlu_pro_direct") & (scores["estimator"] == "token_entropy")]
errors = ~direct["correct"].to_numpy(bool)
measured = ap.evaluate(errors, direct["score"], by=direct["topic"], metrics=[errors_found])
measured[measured["group"].isin(["all", "macro"])].round(3)

# %%
# A fifth of the answers can hold at most a fifth over the error rate of all errors: topics with
# many errors reach less.
topics = measured[~measured["group"].isin(["all", "macro"])]
figure, ax = plt.subplots(figsize=(6, 3.6))
ax.scatter(topics["errors"] / topics["n"], topics["value"], label="topics")
rates = np.linspace(0.1, 1, 50)
ax.plot(rates, np.minimum(1, 0.2 / rates), color="0.5", label="the most that is possible")
ax.set(xlabel="error rate", ylabel="errors found", ylim=(0, 1.05))
ax.legend()
figure.tight_layout()
