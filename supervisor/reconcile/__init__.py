"""Brings what runs to what shall run: a pure plan of a few actions, made anew each tick, and the loop around it."""
