"""Supervisors, their stores, workers and clocks in one thread and virtual time, from a seed."""
