"""WebRTC: rooms people record in, and publishers that come by WHIP. Knows neither the ring nor the journal: what it
records flows out through Protocols that the daemon wires up."""
