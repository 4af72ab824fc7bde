"""Planners and oracles that look ahead."""
