"""Sound: what kind of excursion it is, and what does not pause."""
