"""Scoring detection against truth."""
