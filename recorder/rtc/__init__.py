"""WebRTC by aiortc: publishing and subscribing connections. Nothing is decoded in here.

Only these modules touch aiortc's private parts, which is why its version is pinned.
"""
