"""The decision process: history, features, rewards, task, rollout loop, and Gymnasium."""
