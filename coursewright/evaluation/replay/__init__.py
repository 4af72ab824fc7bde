"""Real learners of a log go through a tutor's memory: what it would have chosen, and believed of them."""
