"""Memory models fitted to logs."""
