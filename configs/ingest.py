"""Settings of the way in: how a source is fetched and when it counts as gone."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PushOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `ingest.push`: the stream key of a push address that does not hold one."""

    key: str = Field(
        "", max_length=256, repr=False, description="Stream key; better in the environment or in key_file than here."
    )
    key_file: str = Field("", description="A file that holds the stream key, and nothing else.")


class SrtOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `ingest.srt`: of an SRT address, listened on or called, that does not hold a passphrase."""

    passphrase: str = Field(
        "",
        max_length=79,
        repr=False,
        description="10 to 79 characters; better in the environment or in passphrase_file than here.",
    )
    passphrase_file: str = Field("", description="A file that holds the passphrase, and nothing else.")
    latency_ms: int = Field(
        120, ge=20, le=8000, description="How long a lost packet is waited for; the larger of both ends' counts."
    )


class IngestOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `ingest` of the settings tree."""

    max_height: int | None = Field(
        None, ge=144, le=4320, description="Highest picture to take where a source offers several; none: the best."
    )
    live_edge_segments: int = Field(
        3, ge=1, le=20, description="How many segments before the newest one a live HLS stream is joined."
    )
    stall_s: float = Field(
        60.0, ge=5, le=3600, description="A live source whose media has not moved for this long is gone."
    )
    timeout_s: float = Field(10.0, gt=0, le=120, description="Longest wait for a connection, or for its next bytes.")
    max_download_gb: float = Field(20.0, gt=0, le=2000, description="Largest media file fetched from a URL.")
    twitch_chat_url: str = Field(
        "wss://irc-ws.chat.twitch.tv:443", pattern="^wss?://", description="Where Twitch's chat is read."
    )
    push: PushOptions = PushOptions()
    srt: SrtOptions = SrtOptions()
