"""What may be asked and what is answered, field by field; the API's description is made of these. No logic."""

from supervisor.api.models.admin import Audited, Following, MadeToken, NewToken, Token, Used
from supervisor.api.models.base import (
    Address,
    Answered,
    Asked,
    Cursor,
    Id,
    Item,
    Listed,
    Listing,
    Name,
    Nothing,
    OfSession,
    OfStream,
)
from supervisor.api.models.clips import Clip, ClipHistory, Revision, Session
from supervisor.api.models.inside import Door, Kept, KeyAsked, Polling
from supervisor.api.models.jobs import FormatName, Job, NewJob, NewRender, Step
from supervisor.api.models.llm import LlmProvider, LlmState
from supervisor.api.models.plain import Alive, Ready
from supervisor.api.models.streams import (
    ClipNow,
    HowToWatch,
    MadeStream,
    NewStream,
    Ordered,
    Stream,
    StreamChange,
    StreamHealth,
)

__all__ = [
    "Address",
    "Alive",
    "Answered",
    "Asked",
    "Audited",
    "Clip",
    "ClipHistory",
    "ClipNow",
    "Cursor",
    "Door",
    "Following",
    "FormatName",
    "HowToWatch",
    "Id",
    "Item",
    "Job",
    "Kept",
    "KeyAsked",
    "Listed",
    "Listing",
    "LlmProvider",
    "LlmState",
    "MadeStream",
    "MadeToken",
    "Name",
    "NewJob",
    "NewRender",
    "NewStream",
    "NewToken",
    "Nothing",
    "OfSession",
    "OfStream",
    "Ordered",
    "Polling",
    "Ready",
    "Revision",
    "Session",
    "Step",
    "Stream",
    "StreamChange",
    "StreamHealth",
    "Token",
    "Used",
]
