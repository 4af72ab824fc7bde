"""Learners with states of knowledge: Bayesian knowledge tracing and its kin."""
