"""Statistics of arrays: ranking metrics, confidence intervals, resampling and tests."""
