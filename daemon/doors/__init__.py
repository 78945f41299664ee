"""Doors: servers that publishers push to. A door checks the key, bounds everything and decodes nothing."""
