"""Policies as files that run elsewhere."""
