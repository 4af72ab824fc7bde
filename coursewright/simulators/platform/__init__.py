"""Any learner on a platform: content of several kinds and formats, minutes, help, boredom."""
