"""Readers of other people's logs, one file per format."""
