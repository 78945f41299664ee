"""The words every room shares: times, media values, events, moments, edit decisions, errors. Pure; stdlib and numpy only."""
