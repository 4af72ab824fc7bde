"""Judgement of a fitted model: its held-out prediction, and the likeness of its learners to the log's."""
