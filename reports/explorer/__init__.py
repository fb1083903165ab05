"""The question explorer: every stored question of a report, in the page and in files beside it."""
