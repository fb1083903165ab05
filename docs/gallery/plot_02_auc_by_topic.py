"""
ROC AUC by topic
================

Where does the model know when it does not know? Results of ``apprehend demo``, two estimators.
"""

import apprehend as ap
import matplotlib.pyplot as plt

results = ap.open("demo")
best = results.leaderboard.query("task == 'mmlu_pro_direct'")
best[["estimator", "roc_auc", "roc_auc_pooled", "accuracy", "n"]].head(8).round(3)

# %%
# Estimators by the mean over topics (``roc_auc``). A notebook shows it for ``results``.
#
# Topics of knowledge (biology, law, …) and of computation (math, engineering, …) differ. Bars start
# at chance; hollow ones are topics with too few errors or right answers for an interval.
figure, axes = plt.subplots(1, 2, figsize=(11, 5))
for ax, estimator in zip(axes, ["token_entropy", "post_answer_entropy"], strict=True):
    ap.plot.roc_auc_by_topic(results, estimator, task="mmlu_pro_direct", ax=ax)
figure.tight_layout()

# %%
# The numbers behind it, with intervals:
topics = results.metrics(by="topic")
entropy = topics[(topics["task"] == "mmlu_pro_direct") & (topics["estimator"] == "token_entropy")]
entropy[["topic", "n", "n_errors", "roc_auc", "roc_auc_low", "roc_auc_high"]].round(2)
