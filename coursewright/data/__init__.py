"""Learner logs in: one schema, importers, a shipped synthetic log, and files that are whole or absent."""
