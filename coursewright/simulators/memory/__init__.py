"""Learners who forget: memory models and deeptutor's forgetting curves."""
