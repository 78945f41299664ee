"""The metrics of one worker, as Prometheus knows them (names: DESIGN.md section 7).

A worker runs one stream, so nothing here carries a `stream` label: whoever exposes several workers adds it.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Around the budget of DESIGN.md section 8 (p50 <= 6 s, p95 <= 10 s); a clip that waited for chat may take over a minute
CLIP_BUCKETS: Final = (0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120)
COMMIT_BUCKETS: Final = (0.25, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 5, 7.5, 10, 15, 30)  # around its budget there
ALERT_BUCKETS: Final = (1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 900, 3600)
LLM_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60)
RENDER_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters, gauges and histograms of one process, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        r = self.registry = registry or CollectorRegistry()
        self.moment_to_clip_seconds = Histogram(
            "clipd_moment_to_clip_seconds",
            "From the arrival of a clip's last frame to its finished file.",
            buckets=CLIP_BUCKETS,
            registry=r,
        )
        self.render_seconds = Histogram(
            "clipd_render_seconds", "Time to make one file of a clip.", ["kind"], buckets=RENDER_BUCKETS, registry=r
        )
        self.media_lag_seconds = Gauge("clipd_media_lag_seconds", "How far analysis is behind the source.", registry=r)
        self.media_time_seconds_total = Counter("clipd_media_time_seconds_total", "Media time recorded.", registry=r)
        self.gap_seconds_total = Counter("clipd_gap_seconds_total", "Media that is not there.", ["reason"], registry=r)
        self.segments_written_total = Counter("clipd_segments_written_total", "Segments of the ring.", registry=r)
        self.room_people = Gauge("clipd_room_people", "People in the recording room.", registry=r)
        self.room_gaps_total = Counter(
            "clipd_room_gaps_total", "Holes in the server's backups of a room.", ["reason"], registry=r
        )
        self.ring_bytes = Gauge("clipd_ring_bytes", "Bytes the ring holds on disk.", registry=r)
        self.ring_evicted_total = Counter(
            "clipd_ring_evicted_total", "Segments that left the ring.", ["reason"], registry=r
        )
        self.events_total = Counter("clipd_events_total", "What detectors found.", ["kind"], registry=r)
        self.moments_total = Counter("clipd_moments_total", "Moments by the state they entered.", ["state"], registry=r)
        self.clips_total = Counter("clipd_clips_total", "Clips by the state they entered.", ["state"], registry=r)
        self.analysis_shed_seconds_total = Counter(
            "clipd_analysis_shed_seconds_total", "Media that was recorded but not analysed.", ["stage"], registry=r
        )
        self.chat_messages_total = Counter(
            "clipd_chat_messages_total",
            "Messages read from the chat, and by reason those that did not count.",
            ["outcome"],
            registry=r,
        )

        self._speech(r)
        self._game(r)

    def _game(self, r: CollectorRegistry) -> None:
        self.game_events_total = Counter(
            "clipd_game_events_total", "What a game's HUD showed, or its sounds told.", ["kind", "source"], registry=r
        )
        self.hud_looks_total = Counter(
            "clipd_hud_looks_total", "Frames in which a HUD was looked for.", ["what"], registry=r
        )
        self.hud_gops_decoded_total = Counter(
            "clipd_hud_gops_decoded_total", "GOPs decoded for a HUD beyond their keyframes.", registry=r
        )
        self.hud_errors_total = Counter(
            "clipd_hud_errors_total", "Packets for a HUD that could not be decoded.", registry=r
        )

    def _speech(self, r: CollectorRegistry) -> None:
        self.asr_commit_latency_seconds = Histogram(
            "clipd_asr_commit_latency_seconds",
            "From the arrival of a word's end to the word being final.",
            ["reason"],
            buckets=COMMIT_BUCKETS,
            registry=r,
        )
        self.asr_lag_seconds = Gauge("clipd_asr_lag_seconds", "Sound that arrived and was not listened to.", registry=r)
        self.asr_level = Gauge("clipd_asr_level", "Back-pressure of speech, 0 to 3.", registry=r)
        self.asr_decodes_total = Counter("clipd_asr_decodes_total", "Windows decoded.", registry=r)
        self.asr_audio_seconds_total = Counter(
            "clipd_asr_audio_seconds_total",
            "Sound heard, in speech, and decoded.",
            ["state"],
            registry=r,
        )
        self.asr_words_total = Counter("clipd_asr_words_total", "Final words.", ["reason"], registry=r)
        self.asr_words_dropped_total = Counter(
            "clipd_asr_words_dropped_total", "Words that a gate refused.", ["gate"], registry=r
        )
        self.asr_partial_rewrites_total = Counter(
            "clipd_asr_partial_rewrites_total", "Provisional words that changed.", registry=r
        )
        self.asr_gap_seconds_total = Counter(
            "clipd_asr_gap_seconds_total", "Speech that was not transcribed.", ["reason"], registry=r
        )
        self.asr_language_changes_total = Counter(
            "clipd_asr_language_changes_total", "Languages found, or changed.", registry=r
        )

    def snapshot(self) -> dict[str, float]:
        """Every figure by its exposed name, `clipd_events_total{kind="roar"}`; histograms as their sum and count."""
        return {
            _name(sample.name, sample.labels): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if not sample.name.endswith(("_bucket", "_created"))
        }


class SupervisorMetrics:
    """Of one supervisor process; only the one that leads knows workers."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        r = self.registry = registry or CollectorRegistry()
        self.workers = Gauge("clipd_workers", "Workers by the state of their claim.", ["state"], registry=r)
        self.lease_held = Gauge("clipd_lease_held", "1 while this process leads.", registry=r)
        self.lease_transitions_total = Counter(
            "clipd_lease_transitions_total", "Leaderships won and lost.", ["to"], registry=r
        )
        self.stale_writes_refused_total = Counter(
            "clipd_stale_writes_refused_total", "Writes of superseded leaders and workers.", ["by"], registry=r
        )
        self.restarts_total = Counter(
            "clipd_restarts_total", "Workers that were replaced, by reason.", ["reason"], registry=r
        )
        self.waiting = Gauge("clipd_waiting", "Streams that wait to be recorded, by reason.", ["reason"], registry=r)
        self.disk_free_bytes = Gauge("clipd_disk_free_bytes", "Free on the volume of the data folder.", registry=r)
        self.disk_grade = Gauge(
            "clipd_disk_grade", "0 green, 1 yellow, 2 orange, 3 red; as the leader sees it, else 0.", registry=r
        )
        self.alerts_total = Counter(
            "clipd_alerts_total",
            "Attempts to tell a channel of a kind: sent, retry, throttled, refused, gone, dead.",
            ["channel", "outcome"],
            registry=r,
        )
        self.moment_to_alert_seconds = Histogram(
            "clipd_moment_to_alert_seconds",
            "From the arrival of a live clip's last frame to the acceptance of its first message in a channel.",
            buckets=ALERT_BUCKETS,
            registry=r,
        )


class LlmMetrics:
    """Of one supervisor's gateway to language models. `provider` is a name of the settings, or `cache`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        r = self.registry = registry or CollectorRegistry()
        self.llm_requests_total = Counter(
            "clipd_llm_requests_total", "Questions to language models.", ["provider", "outcome"], registry=r
        )
        self.llm_seconds = Histogram(
            "clipd_llm_seconds", "From a question to its answer.", ["provider"], buckets=LLM_BUCKETS, registry=r
        )
        self.llm_cost_usd_total = Counter(
            "clipd_llm_cost_usd_total", "Money for language models, in USD.", ["provider"], registry=r
        )


def _name(name: str, labels: dict[str, str]) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name
