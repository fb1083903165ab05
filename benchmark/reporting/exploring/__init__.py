"""Single stored questions, read for those who look at them: `show` and the report's explorer."""
