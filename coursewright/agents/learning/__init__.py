"""Agents that train with Stable-Baselines3."""
