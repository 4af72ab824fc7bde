"""From logs to simulator parameters, with held-out predictive figures."""
