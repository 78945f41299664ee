"""Platforms: what a channel's page says, and where its stream is."""
