"""Words: how they are said, and what they order."""
