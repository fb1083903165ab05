"""One module per question that is asked of scores beside the metrics."""
