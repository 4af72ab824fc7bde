"""The single card: recall against minutes, for schedulers and the exact optimum."""
