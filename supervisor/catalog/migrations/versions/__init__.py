"""One file a step, named by its number. A released step is never edited."""
