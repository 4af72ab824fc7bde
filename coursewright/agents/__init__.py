"""What chooses: baselines, bandits, planners, trained policies, and their export."""
