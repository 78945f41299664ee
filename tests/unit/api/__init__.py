"""The HTTP API on a real socket, with a real SQLite catalog."""
