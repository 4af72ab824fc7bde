"""Bayesian knowledge tracing fitted to logs."""
