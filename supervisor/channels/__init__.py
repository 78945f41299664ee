"""Channels of platforms: what a page says, how often it may be asked, when a stream has begun and when it is over."""

from supervisor.channels.answers import Answer, Code
from supervisor.channels.pages import AskPage, ask_page, ask_recording, is_page
from supervisor.channels.runner import AT_ONCE, ChannelJob, ChannelRunner
from supervisor.channels.schedule import Platforms

__all__ = [
    "AT_ONCE",
    "Answer",
    "AskPage",
    "ChannelJob",
    "ChannelRunner",
    "Code",
    "Platforms",
    "ask_page",
    "ask_recording",
    "is_page",
]
