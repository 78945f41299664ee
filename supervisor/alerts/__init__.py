"""Alerts: takes what the catalog's outbox holds to Discord, Slack, webhooks and what apprise knows (docs/alerts.md).

Nothing here decides what is told: the catalog does, with the clip (`supervisor/catalog/outbox.py`).
"""
