"""Bandits within one learner."""
