"""
Two estimators, compared
========================

Two scores of the same answers are correlated, so that their intervals say little about their
difference. DeLong's test compares them in pairs.
"""

import apprehend as ap
import matplotlib.pyplot as plt
from apprehend.reports import delong_test

results = ap.open("demo")
scores = results.scores()
direct = scores[scores["task"] == "mmlu_pro_direct"]
table = direct.pivot(index="question_id", columns="estimator", values="score")
facts = direct.drop_duplicates("question_id").set_index("question_id").loc[table.index]
errors = ~facts["correct"].to_numpy(bool)

# %%
# Entropy over the vocabulary against entropy over the options:
first, second = table["token_entropy"], table["option_entropy"]
difference = delong_test(errors, first, second)
difference

# %%
# ``estimate`` is the difference of the two areas with its 95 % interval, ``p`` the two-sided test.
# In each topic with at least ten errors and ten right answers:
rows = []
for topic, part in facts.groupby("topic"):
    inside = facts.index.isin(part.index)
    if min(errors[inside].sum(), (~errors[inside]).sum()) >= 10:
        rows.append((topic, delong_test(errors[inside], first[inside], second[inside])))

figure, ax = plt.subplots(figsize=(7, 3.8))
for place, (_, one) in enumerate(rows):
    ax.plot([one.low, one.high], [place, place], color="0.4")
    ax.plot(one.estimate, place, "o", color="C0")
ax.axvline(0, color="black", linewidth=0.8)
ax.set_yticks(range(len(rows)), [topic for topic, _ in rows])
ax.set_xlabel("ROC AUC of token_entropy minus that of option_entropy")
figure.tight_layout()

# %%
# Eleven tests at once find something by chance: ``apprehend.reports.holm`` adjusts their p-values.
