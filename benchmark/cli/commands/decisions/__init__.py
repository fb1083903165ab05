"""Commands that decide: thresholds, rules as files, recommendations, subsets of questions."""
