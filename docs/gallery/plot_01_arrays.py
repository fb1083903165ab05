"""
Score arrays, without a model
=============================

Probabilities of the options are enough: no model, no results folder.
"""

import apprehend as ap
import matplotlib.pyplot as plt
import numpy as np

# %%
# What a model said about 600 questions with four options, and the right ones. Here the right option
# is drawn from the model's own probabilities, so that it is perfectly calibrated.
rng = np.random.default_rng(0)
probs = rng.dirichlet(np.full(4, 0.6), 600)
gold = np.array([rng.choice(4, p=row) for row in probs])

frame = ap.score(
    option_probs=probs,
    gold=gold,
    estimators=["option_entropy", "max_probability", "probability_margin"],
)
frame.head()

# %%
# One row per question; a higher score means more uncertain. How well do the scores predict errors?
errors = ~frame["correct"].to_numpy(bool)
scores = frame[["option_entropy", "max_probability", "probability_margin"]]
ap.evaluate(errors, scores, metrics=["roc_auc", "augrc"]).round(3)

# %%
# Entropy of right and of wrong answers.
figure, ax = plt.subplots(figsize=(6, 3.2))
bins = np.linspace(0, np.log(4), 21)
ax.hist(scores["option_entropy"][~errors], bins, alpha=0.7, label="right")
ax.hist(scores["option_entropy"][errors], bins, alpha=0.7, label="wrong")
ax.set(xlabel="entropy over the options (nats)", ylabel="questions")
ax.legend()
figure.tight_layout()
