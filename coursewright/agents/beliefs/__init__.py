"""Beliefs: what a tutor thinks of learners that it cannot look into, by a model fitted to logs."""
