"""
Pooled against the mean over topics
===================================

A score that knows nothing of single questions can look good over all of them, and a good one bad.
"""

import apprehend as ap
import matplotlib.pyplot as plt
import numpy as np

# %%
# Simulated: ten topics with error rates from 5 to 95 %. ``topic only`` is the topic's error rate
# with noise; ``question only`` orders the questions of every topic, but is lower in hard topics.
rng = np.random.default_rng(1)
rates = np.linspace(0.05, 0.95, 10)
topic = np.repeat([f"topic {k}" for k in range(10)], 1000)
rate = np.repeat(rates, 1000)
errors = rng.random(10_000) < rate
simulated = {
    "topic only": rate + rng.normal(0, 0.3, 10_000),
    "question only": errors + rng.normal(0, 1.2, 10_000) - 4 * rate,
}
measured = ap.evaluate(errors, simulated, by=topic, replicates=200)
measured[measured["group"].isin(["all", "macro"])].round(3)

# %%
# The first is at chance within every topic, and the second below chance over all of them, although
# it orders the questions of every topic.
figure, ax = plt.subplots(figsize=(6.5, 3.6))
for name, part in measured.groupby("estimator"):
    inside = part[~part["group"].isin(["all", "macro"])]
    (line,) = ax.plot(100 * rates, inside["value"], "o-", label=f"{name}, by topic")
    pooled = part[part["group"] == "all"]["value"].item()
    ax.axhline(pooled, color=line.get_color(), linestyle="--", label=f"{name}, pooled")
ax.axhline(0.5, color="black", linewidth=0.8)
ax.set(xlabel="error rate of the topic (%)", ylabel="ROC AUC")
ax.legend(fontsize="small", bbox_to_anchor=(1.02, 1))
figure.tight_layout()

# %%
# Real: the demo's estimators. Below the diagonal, the pooled value is the smaller one.
metrics = ap.open("demo").metrics(replicates=100)
direct = metrics[metrics["task"] == "mmlu_pro_direct"].set_index("estimator")
pooled, macro = (direct[direct["topic"] == name]["roc_auc"] for name in ("all", "macro"))
figure, ax = plt.subplots(figsize=(5.2, 5))
ax.plot([0.2, 1], [0.2, 1], color="0.6", linewidth=0.8)
ax.scatter(macro, pooled[macro.index])
places = {"token_entropy": -12, "post_answer_entropy": 3, "masj_complexity": -12, "random": -12}
for name, below in places.items():
    ax.annotate(name, (macro[name], pooled[name]), xytext=(4, below), textcoords="offset points")
ax.set(xlabel="mean over topics", ylabel="pooled", xlim=(0.2, 1), ylim=(0.2, 1), aspect="equal")
figure.tight_layout()
