"""
A threshold by cost
===================

A wrong answer costs ten, no answer one: which answers should be given?
"""

import apprehend as ap
import matplotlib.pyplot as plt
import numpy as np
from apprehend.reports import choose_by_cost, evaluations, read_costs

results = ap.open("demo")
(direct,) = [one for one in evaluations(results.data) if one.task == "mmlu_pro_direct"]
costs = read_costs("wrong=10,abstain=1")
choice = choose_by_cost(direct, "token_entropy", costs)
choice

# %%
# Half of the questions choose the threshold, the other half say what it costs: ``cost`` per
# question with its interval, beside answering all and answering none. By Chow's rule it pays to
# answer where the probability of an error is below ``break_even``.
scores = direct.scores[:, direct.estimators.index("token_entropy")]
order = np.argsort(scores)
answered = np.arange(1, len(order) + 1)
wrong = np.cumsum(direct.errors[order])
mean_cost = (10 * wrong + (len(order) - answered)) / len(order)

figure, ax = plt.subplots(figsize=(7, 3.6))
ax.plot(answered / len(order), mean_cost)
ax.axhline(1, color="0.6", linestyle="--", label="answer none")
ax.axvline((scores <= choice.threshold).mean(), color="C1", label="the chosen threshold")
ax.set(xlabel="share answered, most certain first", ylabel="cost per question")
ax.legend()
figure.tight_layout()
