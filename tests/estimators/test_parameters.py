"""Parameters of estimators: their messages, labels, and the table of all estimators."""

from __future__ import annotations

import re

import pytest
from apprehend.estimators import EstimatorLookupError, builtin_estimators, load_estimator
from apprehend.estimators.registry import estimator_markdown, estimator_table

COSTS = {"c", "m", "x"}
NAMES = {
    "max_probability",
    "option_entropy",
    "normalized_option_entropy",
    "probability_margin",
    "logit_margin",
    "token_entropy",
    "post_answer_entropy",
    "off_option_mass",
    "tsallis_entropy",
    "renyi_entropy",
    "truncated_entropy",
    "cot_answer_entropy",
    "cot_max_probability",
    "cot_mean_entropy",
    "cot_max_entropy",
    "perplexity",
    "sequence_nll",
    "trace_length",
    "windowed_entropy",
    "high_entropy_share",
    "tail_confidence",
    "prefix_entropy",
    "self_certainty",
    "entropy_production_rate",
    "weighted_epr",
    "vote_share",
    "vote_entropy",
    "consistency_confidence",
    "vendi_score",
    "p_true",
    "ask_confidence_before",
    "verbalized_distribution",
    "distractor_normalized_confidence",
    "clustered_self_assessment",
    "verbalized_confidence",
    "linguistic_confidence",
    "permutation_entropy",
    "permutation_consistency",
    "permutation_mutual_information",
    "majority_margin",
    "consensus_cross_entropy",
    "id_debiased_entropy",
    "adaptive_tsallis_entropy",
    "correctness_aware",
    "answer_convergence",
    "chosen_committee",
    "committee_surprise",
    "consistency_with_confidence",
    "forced_answer_entropy",
    "forced_max_probability",
    "forced_option_entropy",
    "hedge_words",
    "mahalanobis_distance",
    "reflection_count",
    "semantic_entropy_probe",
    "trace_profile",
    "trajectory_entropy",
    "trajectory_violations",
    "pride_debiased_probability",
    "prompt_consistency",
    "prompt_mutual_information",
    "question_ablation",
    "contextual_calibration",
    "question_perplexity",
    "min_k_probability",
    "corpus_divergence",
    "instruction_gap",
    "inv_entropy",
    "masj_complexity",
    "masj_education_level",
    "masj_reasoning_steps",
    "judge_correctness",
    "masj_expected",
    "committee_disagreement",
    "eigen_score",
    "hidden_state_probe",
    "layer_disagreement",
    "layer_path_probe",
    "logtoku",
    "perturbed_state_probe",
    "stacked",
    "temperature_scaled",
    "platt",
    "isotonic",
    "conformal_set_size",
    "random",
    "prompt_length",
    "option_count",
    "topic_error_rate",
}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tsallis_entropy(q=0)", "Expected `q` to be a number larger than 0, but got 0"),
        ("renyi_entropy(alpha='a')", "Expected `alpha` to be a number larger than 0, but got 'a'"),
        ("truncated_entropy(k=0)", "Expected `k` to be a whole number of at least 1, but got 0"),
        ("prefix_entropy(k=True)", "Expected `k` to be a whole number of at least 1, but got True"),
        ("high_entropy_share(tau=-1)", "Expected `tau` to be a number larger than 0, but got -1"),
        ("windowed_entropy(aggregate='sum')", "Expected `aggregate` to be one of max, mean, but"),
        ("vote_share(samples='x')", "Expected `samples` to be one of direct, cot, but got 'x'"),
        ("prompt_consistency(m=5)", "Expected `m` to be at most 4, but got 5"),
        ("prompt_consistency(m=1)", "Expected `m` to be a whole number of at least 2, but got 1"),
        ("conformal_set_size(alpha=1)", "Expected `alpha` to be a number between 0 and 1, but"),
        ("committee_disagreement(members='a')", "Expected `members` to be several names, but got"),
        ("stacked(bases=())", "Expected `bases` to be several names, but got ()"),
        ("platt(base='token_entrop')", "did you mean 'token_entropy'?"),
        ("p_true(candidates=11)", "Expected `candidates` to be at most 10, but got 11"),
        ("p_true(candidates=-1)", "Expected `candidates` to be a whole number of at least 0, but"),
        ("verbalized_confidence(style='top_k',scale='0-10')", "Expected `style` to be two_step"),
        (
            "verbalized_confidence(read='expected')",
            "Expected `scale` to be 0-10 with read expected",
        ),
        ("verbalized_distribution(measure='sum')", "Expected `measure` to be one of probability,"),
        ("inv_entropy(kernel=3)", "Expected `kernel` to be one of letter, jsd, but got 3"),
    ],
)
def test_a_wrong_parameter_is_said_in_one_line(spec: str, message: str) -> None:
    with pytest.raises(EstimatorLookupError, match=re.escape(message)) as raised:
        load_estimator(spec)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("tsallis_entropy(q=2)", "tsallis_entropy"),
        ("tsallis_entropy(q=1.5)", "tsallis_entropy(q=1.5)"),
        ("p_true(candidates=5)", "p_true(candidates=5)"),
        ("verbalized_confidence(scale='0-10')", "verbalized_confidence(scale='0-10')"),
        ("vote_entropy(samples=cot)", "vote_entropy(samples='cot')"),
        ("stacked(bases=[random, option_count])", "stacked(bases=('random', 'option_count'))"),
        ("platt(base='weighted_epr(k=5)')", "platt(base='weighted_epr(k=5)')"),
        (
            "committee_disagreement(members=['a', 'b'])",
            "committee_disagreement(members=('a', 'b'))",
        ),
    ],
)
def test_labels_show_what_differs_from_the_defaults(spec: str, label: str) -> None:
    assert load_estimator(spec).label == label


def test_parameters_decide_what_is_needed() -> None:
    assert {str(n) for n in load_estimator("vote_share(samples='cot')").requirements()} == {
        "answer or trace",
        "samples[cot]",
    }
    plain = {str(n) for n in load_estimator("prompt_consistency(m=2)").requirements()}
    assert plain == {"prompted_answers[paraphrase_1]", "prompted_answers[paraphrase_2]"}


def test_classes_need_what_their_default_instances_need() -> None:
    for cls in builtin_estimators().values():
        assert cls.requirements() <= cls().requirements()
        if not issubclass(cls, tuple(c for c in builtin_estimators().values() if c().learns)):
            assert cls.requirements() == cls().requirements()


def test_every_estimator_says_what_it_is() -> None:
    for row in estimator_table():
        assert row.summary.endswith((".", ";")) or ":" in row.summary, row
        assert len(row.summary) > 20
        assert row.cost in COSTS
        assert row.family
        assert row.source
    assert [row.name for row in estimator_table()] == list(builtin_estimators())


def test_every_estimator_of_the_methods_is_there() -> None:
    assert set(builtin_estimators()) == NAMES


def test_markdown_has_a_line_per_estimator() -> None:
    lines = estimator_markdown().splitlines()
    assert len(lines) == len(estimator_table()) + 2
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert columns == {7}


def test_parameters_of_self_reports_choose_what_is_asked() -> None:
    asked = {
        "p_true": {"self_report[p_true]"},
        "p_true(candidates=3)": {"self_report[p_true_3]", "samples[direct]"},
        "verbalized_confidence(scale='0-10')": {"self_report[two_step_0_10]"},
        "verbalized_confidence(scale='0-10', read='expected')": {"self_report[expected_0_10]"},
    }
    for spec, needs in asked.items():
        assert {str(need) for need in load_estimator(spec).requirements()} == needs
    assert load_estimator("verbalized_distribution").is_probability
    assert not load_estimator("verbalized_distribution(measure='entropy')").is_probability


def test_as_many_candidates_are_asked_as_the_estimator_takes() -> None:
    from apprehend.estimators.statements.self_reports import MOST_CANDIDATES
    from apprehend.tasks.self_report_prompts import CANDIDATES

    assert max(CANDIDATES.values()) == MOST_CANDIDATES
