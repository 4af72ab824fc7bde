"""Equal tuning: trials of an agent's settings on tuning learners, and its best setting trained anew."""
