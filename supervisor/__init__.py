"""Decides which workers run and brings them back when they die; starts them by command line, never by import."""
