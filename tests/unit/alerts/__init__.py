"""Alerts: a real outbox, and local servers with the rules of the real services."""
