"""The profile's `detect.speech` and `detect.command`: when words, and how they are said, are evidence."""

from __future__ import annotations

from pydantic import BaseModel, Field

from detectors.units import Seconds, Share


class RateOptions(BaseModel, frozen=True, extra="forbid"):
    """Fast talk: log ratio of letters a second of talk to this stream's median."""

    window_s: int = Field(default=6, ge=2, le=60, description="Whole seconds that the rate is taken over.")
    talk_s: Seconds = Field(default=2, gt=0, description="Talk that a window needs to say anything.")
    enter: float = Field(default=0.35, gt=0)
    full: float = Field(default=0.7, gt=0, description="A ratio that says all that this number can say.")
    exit_share: Share = Field(default=0.6, description="Over at this share of the peak.")
    tail_per_h: float = Field(default=4, gt=0, description="Prior: bursts per hour.")
    tail_scale: float = Field(default=0.1, gt=0, description="Prior: mean excess of a burst over enter.")
    worth: Share = Field(default=0.3, description="Share of the largest evidence that this number can bring.")


class OverlapOptions(BaseModel, frozen=True, extra="forbid"):
    """People at once: the gaps between syllables fill up, dB over this stream's usual gaps."""

    enter_db: float = Field(default=6, gt=0)
    full_db: float = Field(default=15, gt=0)
    min_s: Seconds = Field(default=3.5, gt=0)
    tail_per_h: float = Field(default=8, gt=0, description="Prior: stretches per hour.")
    tail_db: float = Field(default=3, gt=0, description="Prior: mean excess of a stretch over enter_db.")
    worth: Share = Field(default=0.1, description="Share of the largest evidence that this can bring.")


class PunchlineOptions(BaseModel, frozen=True, extra="forbid"):
    """A line, a pause, a laugh that nobody talks over."""

    pause_min_s: Seconds = 0.2
    pause_max_s: Seconds = Field(default=2.5, gt=0)
    over_s: Seconds = Field(default=0.5, description="A word that starts this early in the laugh talks over it.")
    line_words: int = Field(default=4, ge=1, description="Shorter lines are no set-up.")
    line_max_s: Seconds = Field(default=15, gt=0, description="Longer ones are dated this long before the pause.")
    none: float = Field(default=0.3, ge=0, description="Evidence of the laugh (llr x quality) that says nothing.")
    full: float = Field(default=1.5, gt=0, description="Evidence of the laugh from which the line says all it can.")
    tail_per_h: float = Field(default=3, gt=0, description="Prior: punchlines per hour.")
    tail_scale: float = Field(default=0.6, gt=0, description="Prior: their mean excess over none.")
    worth: Share = 1.0


class PhraseOptions(BaseModel, frozen=True, extra="forbid"):
    """Hook phrases; only raised ones count, by the voice itself or by a reaction heard near them."""

    reach_s: Seconds = Field(default=4, description="A shout, crowd or loud sound this near raises the phrase.")
    sound_none: float = Field(default=0.3, ge=0, description="Evidence of that sound that says nothing.")
    sound_full: float = Field(default=1.5, gt=0)
    pitch_none: float = Field(default=1, ge=0, description="Semitones over the 90th percentile of 15 min of talk.")
    pitch_full: float = Field(default=4, gt=0)
    level_none_db: float = Field(default=3, ge=0, description="Over the median level of that talk.")
    level_full_db: float = Field(default=8, gt=0)
    level_alone: Share = Field(default=0.5, description="What a louder voice counts whose pitch stays.")
    said_per_h: float = Field(default=2, gt=0, description="Prior: how often an hour one phrase is said at all.")
    tail_per_h: float = Field(default=6, gt=0, description="Prior: raised phrases per hour, of any text.")
    tail_scale: float = Field(default=0.4, gt=0, description="Prior: their mean strength, 0..1.")
    min_prob: Share = Field(default=0.3, description="Below it the recogniser guessed.")
    worth: Share = 1.0


class OutburstOptions(BaseModel, frozen=True, extra="forbid"):
    """Something said far louder than usual, whatever it is. dB over the median level of talk."""

    raised_db: float = Field(default=3, gt=0, description="Said louder than usual; what is not ends an outburst.")
    shrink: float = Field(default=4, ge=0, description="Tenths of a second of which half of the level is believed.")
    none_db: float = Field(default=3, gt=0, description="Of what is believed.")
    full_db: float = Field(default=4.5, gt=0)
    level_alone: Share = Field(default=0.25, description="What a louder voice counts whose pitch stays.")
    pitch_per_db: float = Field(default=0.4, gt=0, description="Semitones that a voice rises with each dB.")
    max_s: Seconds = Field(default=6, gt=0, description="All that is louder than raised_db lasts no longer.")
    tail_per_h: float = Field(default=6, gt=0, description="Prior: outbursts per hour.")
    tail_db: float = Field(default=1.5, gt=0, description="Prior: their mean excess over none_db.")
    worth: Share = 1.0


class SpeechOptions(BaseModel, frozen=True, extra="forbid"):
    """What is said, how fast and how."""

    known_s: Seconds = Field(default=4, description="Words are known this long after they were said; later is late.")
    rate: RateOptions = RateOptions()
    overlap: OverlapOptions = OverlapOptions()
    punchline: PunchlineOptions = PunchlineOptions()
    phrase: PhraseOptions = PhraseOptions()
    outburst: OutburstOptions = OutburstOptions()


class CommandOptions(BaseModel, frozen=True, extra="forbid"):
    """Spoken orders."""

    llr: float = Field(default=2.5, gt=0, description="Evidence of one order, before the weight.")
    cooldown_s: Seconds = Field(default=20, description="The same order again; one clip holds both.")
    pause_s: Seconds = Field(default=0.6, description="A pause this long ends what is said.")
    min_prob: Share = Field(default=0.4, description="Below it the recogniser guessed.")
