"""Learners whose log odds are a weighted sum of counts and times."""
