"""Recording rooms after the fact: takes read from their folders, aligned, conformed, and composed for clips.

`take` reads DATA/rooms/<room>/<take>/, `checking` decodes what was uploaded, `listening` sound, `aligning` finds where
local files lie, `conform` makes the files for people, `footage` shows a room's session to whatever cuts clips. Nothing
here changes what was recorded. docs/rooms.md, "Sync and files".
"""
