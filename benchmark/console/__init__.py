"""Console output (errors, messages, bars, tables; masked and escaped) and option parsing."""
