"""Neural learners: a knowledge tracer trained on a log."""
