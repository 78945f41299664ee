"""Chat: how much comes, how much of it reacts, and what else explains it."""
