"""The reference paper's tables and figures, beside the published values."""
