"""
Sizes of conformal sets
=======================

How many options must a set have to contain the right one with a promised probability?
"""

import apprehend as ap
import matplotlib.pyplot as plt
import numpy as np

results = ap.open("demo")
alphas = (0.05, 0.1, 0.2)
names = [f"conformal_set_size(alpha={alpha})" for alpha in alphas]
scores = results.scores(names)
sizes = scores.pivot(index="question_id", columns="estimator", values="score")
sizes.columns = [float(name.split("alpha=")[1][:-1]) if "=" in name else 0.1 for name in sizes]

# %%
# A smaller error rate needs larger sets. Sets of one option: the model is sure.
figure, ax = plt.subplots(figsize=(7, 3.4))
counts = np.arange(1, int(sizes.max().max()) + 1)
for offset, alpha in zip((-0.27, 0, 0.27), alphas, strict=True):
    shares = [(sizes[alpha] == count).mean() for count in counts]
    ax.bar(counts + offset, shares, width=0.27, label=f"α = {alpha}")
ax.set(xlabel="options in the set", ylabel="share of the questions", xticks=counts)
ax.legend()
figure.tight_layout()

# %%
# Mean size by topic at α = 0.1: an honest model has large sets where it errs.
topics = scores.drop_duplicates("question_id").set_index("question_id")
by_topic = topics.assign(size=sizes[0.1], wrong=~topics["correct"].astype(bool)).groupby("topic")
by_topic[["size", "wrong"]].mean().sort_values("size").round(2)
