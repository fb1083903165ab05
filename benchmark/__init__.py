"""How it is run: lm-eval adapter, engines, signal store, importers, command line."""
