"""From stored signals to scores and to the frames that reports are made of, without a model."""
