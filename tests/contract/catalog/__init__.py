"""The catalog over both databases."""
