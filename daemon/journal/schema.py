"""The journal's tables. Rows are appended; only state that has a successor (pins, latest clip, meta) is replaced.

All `_ns` columns are media time except `boottime_ns`. `attempt` is the worker run that wrote the row.
"""

from __future__ import annotations

from typing import Final

_RECORDED: Final = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE attempts(number INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, boottime_ns INTEGER NOT NULL) STRICT;
CREATE TABLE epochs(
    number INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, start_ns INTEGER NOT NULL, reason TEXT NOT NULL,
    by TEXT NOT NULL, wall_ns INTEGER) STRICT;
CREATE TABLE segments(
    track TEXT NOT NULL, attempt INTEGER NOT NULL, seq INTEGER NOT NULL, suffix TEXT NOT NULL, epoch INTEGER NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, keyframes TEXT NOT NULL, bytes INTEGER NOT NULL,
    crc32 INTEGER NOT NULL, recovered INTEGER NOT NULL, evicted TEXT, boottime_ns INTEGER NOT NULL,
    PRIMARY KEY(track, attempt, seq)) STRICT;
CREATE INDEX segments_live ON segments(track, attempt, seq) WHERE evicted IS NULL;
CREATE TABLE gaps(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, track TEXT NOT NULL) STRICT;
CREATE TABLE pins(name TEXT PRIMARY KEY, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL) STRICT;
CREATE TABLE signals(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    kind TEXT NOT NULL, step_ns INTEGER NOT NULL, columns TEXT NOT NULL, data BLOB NOT NULL, times BLOB) STRICT;
CREATE INDEX signals_end ON signals(end_ns);
CREATE TABLE chat(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, t_ns INTEGER NOT NULL, user TEXT NOT NULL, text TEXT NOT NULL,
    emotes TEXT NOT NULL, kind TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
CREATE INDEX chat_t ON chat(t_ns);
CREATE TABLE events(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, found_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE moments(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, moment TEXT NOT NULL, state TEXT NOT NULL,
    decided_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX moments_moment ON moments(moment, id);
CREATE TABLE decisions(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, clip TEXT NOT NULL, revision INTEGER NOT NULL,
    body TEXT NOT NULL) STRICT;
CREATE INDEX decisions_clip ON decisions(clip, id);
CREATE TABLE clips(
    clip TEXT PRIMARY KEY, revision INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, record TEXT) STRICT;
CREATE TABLE outbox(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, kind TEXT NOT NULL, clip TEXT NOT NULL, revision INTEGER NOT NULL,
    body TEXT NOT NULL, acked INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE warnings(id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE sheds(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, stage TEXT NOT NULL, start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL) STRICT;
"""
_SPOKEN: Final = """
CREATE TABLE words(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, seq INTEGER NOT NULL, start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL, text TEXT NOT NULL, prob REAL NOT NULL, vad REAL NOT NULL, epoch INTEGER NOT NULL,
    language TEXT NOT NULL, reason TEXT NOT NULL, known_ns INTEGER NOT NULL) STRICT;
CREATE INDEX words_start ON words(start_ns);
"""
_TOLD: Final = """
DROP TABLE outbox;
CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, attempt INTEGER NOT NULL, line TEXT NOT NULL) STRICT;
"""  # nothing ever read the one before: a clip of then is told of by its next change, and stands in `clips`
_PLAYED: Final = """
CREATE TABLE game(
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, known_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX game_known ON game(known_ns);
"""
STEPS: Final = (
    _RECORDED,
    _SPOKEN,
    _TOLD,
    _PLAYED,
)  # step N makes version N+1 of version N; a released step is never edited
VERSION: Final = len(STEPS)
