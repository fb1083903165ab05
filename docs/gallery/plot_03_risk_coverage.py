"""
Risk against coverage
=====================

What a score buys: the error rate of the answers that are kept when the uncertain ones are left out.
"""

import apprehend as ap

results = ap.open("demo")
scores = results.scores()
direct = scores[scores["task"] == "mmlu_pro_direct"]
table = direct.pivot(index="question_id", columns="estimator", values="score")
errors = ~direct.drop_duplicates("question_id").set_index("question_id")["correct"].astype(bool)

# %%
# On the left only the most certain answers are kept, on the right all of them. A random score is
# flat at the error rate; the oracle keeps all right answers first.
chosen = table[["token_entropy", "probability_margin", "random"]]
ax = ap.plot.risk_coverage(errors[table.index], chosen)
ax.figure.set_size_inches(8, 4)
ax.figure.tight_layout()

# %%
# The share of the answers that can be kept at an error rate of at most 10 %:
ap.evaluate(errors[table.index], chosen, metrics=["aurc", "coverage_at_risk_10"]).round(3)
