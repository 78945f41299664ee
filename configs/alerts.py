"""Settings of alerts. Where they go is no setting: channels are made over the API (docs/alerts.md)."""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator


class AlertsOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `alerts`."""

    slack_api: str = Field(
        "https://slack.com/api",
        max_length=2048,
        description="Where Slack's methods are; GovSlack has an address of its own.",
    )

    @field_validator("slack_api")
    @classmethod
    def _web(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("should begin with https://")
        return value.rstrip("/")
