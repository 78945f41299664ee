"""What happens in a game, off its screen and out of its sounds, as evidence for moments: the GAME family. Pure."""
