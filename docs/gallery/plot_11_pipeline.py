"""
In a pipeline of scikit-learn
=============================

Estimators are transformers: several scores, combined into one probability of an error.
"""

import apprehend as ap
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %%
# A model that is overconfident: its logits are twice as large as they should be.
rng = np.random.default_rng(2)
logits = rng.normal(0, 1.2, (1500, 5))
probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
gold = np.array([rng.choice(5, p=row) for row in probs])
overconfident = 2 * logits
errors = overconfident.argmax(axis=1) != gold

# %%
# Out of fold, so that no question is scored by a model that has seen its answer.
pipeline = make_pipeline(
    ap.sklearn.UncertaintyScores("option_entropy,max_probability,probability_margin"),
    StandardScaler(),
    LogisticRegression(),
)
combined = cross_val_predict(pipeline, overconfident, errors, cv=5, method="predict_proba")[:, 1]

# %%
# Calibrated, without losing the ranking:
frame = ap.score(option_logprobs=overconfident, gold=gold, estimators=["max_probability"])
scores = {"max_probability": frame["max_probability"], "pipeline": combined}
ap.evaluate(errors, scores, metrics=["roc_auc", "ece"]).round(3)

# %%
ax = ap.plot.reliability(errors, combined, name="pipeline")
ax.figure.set_size_inches(5, 4.4)
ax.figure.tight_layout()
