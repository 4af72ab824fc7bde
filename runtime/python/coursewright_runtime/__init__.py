"""Teach with a tutor file: raw responses in, the next item out."""
