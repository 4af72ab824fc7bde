"""How well a fitted model predicts, and whether its learners resemble the log's."""
