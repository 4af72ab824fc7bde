"""Learner logs in: one schema, readers, and validation."""
