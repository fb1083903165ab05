"""Tables and figures of the reference paper, compared with the published values."""
