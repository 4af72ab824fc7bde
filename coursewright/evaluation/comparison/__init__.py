"""The comparison of policies: table, figures, report."""
