"""Scores what detection decided against what really happened: truth, matching, metrics, baselines, tables.

Pure but for `sessions`, which reads truth files and journals. Nothing here is known to the detectors.
"""
