"""Frame-exact masters: only the pictures around a cut are coded anew, the packets between are the source's own.

`plan` chooses frames and finds a noted choice again; it is pure. `nal` and `ids` know what H.264 and H.265 streams look
like inside, `scan` reads the footage once, `encode` runs ffmpeg over the cut points, `sound` cuts and joins the sound,
`write` puts all of it into one MP4, and `cut` is the way in. docs/adr/0007-smart-cut.md says why it is so.
"""
