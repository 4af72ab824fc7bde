"""Logistic learner models fitted to logs."""
