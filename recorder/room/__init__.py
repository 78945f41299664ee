"""Recording rooms: people who talk, the server's half. `server` is the door, `state` decides, `forwarding` carries
media between people, `take` keeps it."""
