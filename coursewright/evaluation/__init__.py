"""The policy-by-simulator comparison: statistics, figures and the report."""
