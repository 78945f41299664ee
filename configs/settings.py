"""The settings tree: every option of the program in one frozen value. Rooms right of configs own their options."""

from __future__ import annotations

import os.path
from ipaddress import ip_network

from pydantic import BaseModel, Field, field_validator

from configs.alerts import AlertsOptions
from configs.api import ApiOptions
from configs.finish import FinishOptions
from configs.hud import GameName, HudOptions
from configs.ingest import IngestOptions
from configs.llm import LlmOptions
from configs.ranking import RankingOptions
from configs.rooms import RoomsOptions
from configs.speech import SpeechOptions
from configs.streams import RetentionOptions, StreamEntry, SupervisorOptions, unique_names
from core.game import NAME_LENGTH, NO_GAME
from detectors import Profile
from detectors.options import ClipLengths, DetectOptions
from ringbuffer import RingOptions


class NetOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `net`: what may be connected to beyond public addresses."""

    allow: tuple[str, ...] = Field(
        (), description="Private networks of sources and of alerts' receivers, e.g. 192.168.1.0/24."
    )

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)  # its own message names what is wrong
        return value


class ClipsOptions(ClipLengths, FinishOptions, frozen=True, extra="forbid"):
    """Key `clips`: how many clips and how long (what a profile says unless set here), and what is made of them."""

    per_hour: float = Field(6, gt=0, le=120, description="Clips an hour at most, on average.")


class Settings(BaseModel, frozen=True, extra="forbid"):
    """The whole tree, resolved: `detect` and `clips` already hold what the profile says, `profile` is its name.

    A value: building one reads neither files nor the environment, so a worker sees what its supervisor saw.
    """

    data_dir: str = Field(description="Where sessions are kept.")
    profile: str = Field("gaming", description="gaming, podcast, sports, irl, or the path of a YAML file.")
    game: GameName | None = Field(None, description="A HUD by its name or its folder, over the profile's; off: none.")
    player: str = Field("", max_length=NAME_LENGTH, description="The streamer's name in that game; `any`: everyone's.")
    hud: HudOptions = HudOptions()
    net: NetOptions = NetOptions()
    ring: RingOptions = RingOptions()
    ingest: IngestOptions = IngestOptions()
    speech: SpeechOptions = SpeechOptions()
    detect: DetectOptions = DetectOptions()
    clips: ClipsOptions = ClipsOptions()
    ranking: RankingOptions = RankingOptions()
    streams: tuple[StreamEntry, ...] = Field((), max_length=1000, description="What is watched.")
    supervisor: SupervisorOptions = SupervisorOptions()
    retention: RetentionOptions = RetentionOptions()
    api: ApiOptions = ApiOptions()
    alerts: AlertsOptions = AlertsOptions()
    rooms: RoomsOptions = RoomsOptions()
    llm: LlmOptions = LlmOptions()

    _names = field_validator("streams")(unique_names)

    @field_validator("data_dir")
    @classmethod
    def _home(cls, value: str) -> str:
        return os.path.expanduser(value)

    def detection_profile(self) -> Profile:
        """What the engine takes: the profile with everything that was set over it."""
        lengths = {name: getattr(self.clips, name) for name in ClipLengths.model_fields}
        return Profile(
            name=self.profile,
            game=None if self.game == NO_GAME else self.game,
            clips_per_hour=self.clips.per_hour,
            clip=ClipLengths(**lengths),
            detect=self.detect,
        )
