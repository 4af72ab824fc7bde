"""Rules: fixed ways to choose, plain and tuned."""
