"""What scores are worth beyond their ROC AUC: information, stability, scaling, choice."""
