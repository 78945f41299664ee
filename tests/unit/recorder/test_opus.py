"""Opus to samples, and what stands in for packets that never came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.opus import RATE, OpusDecoder
from tests.webrtc import coded_opus


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_a_tone_is_heard_as_it_was_sent() -> None:
    """20 ms a packet, mono, with its pitch and loudness."""
    decoder = OpusDecoder()
    heard = np.concatenate([decoder.decode(one.data) for one in coded_opus(50)])
    assert heard.dtype == np.float32
    assert heard.shape == (50 * 960,)
    tone = heard[RATE // 2 :]
    assert level(tone) == pytest.approx(6_000 / 32_768 / np.sqrt(2), rel=0.05)
    spectrum = np.abs(np.fft.rfft(tone))
    assert np.argmax(spectrum) * RATE / len(tone) == pytest.approx(440, abs=3)


def test_a_lost_packet_is_concealed_and_fades_to_silence() -> None:
    """The tone goes on for a few hundredths, is gone after a tenth of a second, and is back with the next packet."""
    decoder = OpusDecoder()
    for one in coded_opus(20):
        before = decoder.decode(one.data)
    first = decoder.conceal(480)
    assert first.shape == (480,)
    assert level(first) == pytest.approx(level(before), rel=0.3)
    rest = decoder.conceal(RATE)
    assert rest.shape == (RATE,)
    assert not rest[RATE // 5 :].any()
    after = [decoder.decode(one.data) for one in coded_opus(30)[25:]]
    assert level(after[-1]) == pytest.approx(level(before), rel=0.3)
    assert decoder.damaged == 0


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=10), st.integers(0, 3000))
def test_whatever_comes_is_as_long_as_it_says_and_nothing_raises(junk: list[bytes], lost: int) -> None:
    """Rubbish is counted and concealed."""
    decoder = OpusDecoder()
    for data in junk:
        samples = decoder.decode(data)
        assert len(samples) <= RATE // 8
        assert np.isfinite(samples).all()
    assert decoder.conceal(lost).shape == (lost,)
