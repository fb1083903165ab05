"""How a benchmark is run: from questions to signals, scores and reports; the rooms are listed in
CONTRIBUTING.md."""
