"""The worker: one process, one stream, one attempt at a session. `run` is where it starts, `build` wires its parts."""
