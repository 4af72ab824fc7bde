"""The credibility of simulated learners: table, figures, page."""
