"""Numbers from arrays: ranking metrics, intervals, resamples and tests."""
