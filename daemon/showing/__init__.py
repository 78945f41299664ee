"""What people are shown of a session that a worker may be writing: words, subtitles, lines, what is buffered."""

from daemon.showing.reader import JournalReader

__all__ = ["JournalReader"]
