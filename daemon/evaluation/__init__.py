"""Scores what detection decided against what really happened: truth, matching, metrics, baselines, tables.

Pure but for the reading of truth files and sessions in `truth` and `sessions`. Nothing here is known to the detectors.
"""
