"""
An estimator of your own, as a function
=======================================

A function of the signals is an estimator: compared with the built-in ones on stored results,
without the model.
"""

import apprehend as ap
import numpy as np


@ap.estimator(needs="answer")
def third_option(signals):
    """1 - (p₁ - p₃), the gap to the third most probable option, in [0, 1]."""
    p = np.sort(np.nan_to_num(signals.answer.option_probs), axis=1)
    return 1 - (p[:, -1] - p[:, -3])


# %%
# ``signals.answer.option_probs`` has a row per question and a column per option.
results = ap.open("demo")
scores = results.scores([third_option, "probability_margin", "option_entropy"])
table = scores.pivot(index="question_id", columns="estimator", values="score")
facts = scores.drop_duplicates("question_id").set_index("question_id").loc[table.index]
errors = ~facts["correct"].to_numpy(bool)

# %%
# Pooled, and the mean over the topics:
measured = ap.evaluate(errors, table, by=facts["topic"])
measured[measured["group"].isin(["all", "macro"])].round(3)

# %%
# The risk–coverage curves of the three:
ax = ap.plot.risk_coverage(errors, table)
ax.figure.set_size_inches(8, 4)
ax.figure.tight_layout()
