"""The schemas of published data sets, one entry of ``PRESETS`` each."""
