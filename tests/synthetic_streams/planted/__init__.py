"""The evaluation bench's made streams: 500 h of features in minutes, with the truth (detection.md section 5).

`make_stream` plants moments and hard negatives, `quiet_stream` neither. Three families: constants are tuned on `tune`
and `dev` and tried on `test`; each has its own voices, sounds, texts, languages and ranges. Same seed, same stream.

Sound is rendered once per family and setting (library.py), measured by the real AudioFeatures and put together row by
row at pauses of the talk; no row is invented, but one gain in dB is added to all levels of a stream. So pieces of the
bed are heard about four times an hour; their words are not, except in a `replay`. Words have the times of what is
heard and their own text. `said` is the truth; `committed()` has a recogniser's delays, jitter and errors. Keyframes
come every 2 s with a change and a hash. `truth.quiet` is where nothing planted is near, chat bursts included.

From detection.md: 6 moments an hour at least 90 s apart in 1-4 modalities; +3, +6, +10 dB over the talk (levels weak,
middle, strong); chat's rates, variance/mean, lag-1, peak quartiles 3.6-5.4, decay 40 s; crest 21-81 s after the start
(10-90 %; here 24-82 s); a single chat moment of level `middle` peaks at x4, one of sound at +6 dB; 12 hard negatives
an hour of its kinds; bots as in its robustness list; flat superlatives about four times an hour.

Judgement: everything else, above all the shares of combinations and of large channels, the lengths, the mood of
reactions, who writes, the share of reactions in the calm (8-20 %) and in bursts (65-90 %), a channel's lag (8-35,
6-40 or 5-42 s, 3-5 s within a stream), weak bursts of x2.5-3, commands 5-20 s after a moment, hash noise, the
recogniser.
Distances the plan keeps: negatives 20 s from everything, chat floods 75 s after a moment's end.

What it cannot tell: chat texts come from small pools, sentences from a small grammar; a setting has one room; nobody
reacts to a negative; a burst's shape is one rise and one fall. Figures here are for regressions and for comparing
designs, not for claims about real streams.
"""

from tests.synthetic_streams.planted.make import make_stream, place_of, quiet_stream
from tests.synthetic_streams.planted.stream import FAMILIES, Family, FeatureStream

__all__ = ["FAMILIES", "Family", "FeatureStream", "make_stream", "place_of", "quiet_stream"]
