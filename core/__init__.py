"""The words every room shares: times, media values, events, moments, edit decisions, errors.

Pure: the standard library and numpy only.
"""
