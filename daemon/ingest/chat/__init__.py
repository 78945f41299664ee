"""Chats of every kind onto one media time. A new kind is a ChatFeed and a line in `open_chat`."""

from daemon.ingest.chat.message import Post
from daemon.ingest.chat.open import open_chat
from daemon.ingest.chat.reader import END, ChatBatch, ChatFeed, ChatReader

__all__ = ["END", "ChatBatch", "ChatFeed", "ChatReader", "Post", "open_chat"]
