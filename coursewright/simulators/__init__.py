"""Simulated learners: one module per published model, the course, and the random stream."""
