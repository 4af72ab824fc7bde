"""Schedulers of spaced repetition."""
