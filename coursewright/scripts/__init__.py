"""The Hydra apps and the trackers."""
