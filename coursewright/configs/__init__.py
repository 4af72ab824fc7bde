"""YAML, one group an axis of the experiment; no code."""
