"""Policies and the agents that make them: baselines, bandits, planners, trained networks, and export."""
