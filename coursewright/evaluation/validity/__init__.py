"""How far simulated learners can be believed: table, figures, page."""
