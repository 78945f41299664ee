"""The figures of one worker."""

from __future__ import annotations

from prometheus_client import generate_latest

from telemetry import Metrics
from telemetry.metrics import LlmMetrics, SupervisorMetrics

NAMES = {
    "clipd_moment_to_clip_seconds", "clipd_render_seconds", "clipd_media_lag_seconds", "clipd_media_time_seconds",
    "clipd_gap_seconds", "clipd_segments_written", "clipd_ring_bytes", "clipd_ring_evicted", "clipd_events",
    "clipd_moments", "clipd_clips", "clipd_chat_messages", "clipd_analysis_shed_seconds",
    "clipd_asr_commit_latency_seconds",
    "clipd_asr_lag_seconds", "clipd_asr_level", "clipd_asr_decodes", "clipd_asr_audio_seconds", "clipd_asr_words",
    "clipd_asr_words_dropped", "clipd_asr_partial_rewrites", "clipd_asr_gap_seconds", "clipd_asr_language_changes",
    "clipd_room_people", "clipd_room_gaps",
    "clipd_game_events", "clipd_hud_looks", "clipd_hud_gops_decoded", "clipd_hud_errors",
}  # fmt: skip


OF_SUPERVISORS = {
    "clipd_workers", "clipd_lease_held", "clipd_lease_transitions", "clipd_stale_writes_refused", "clipd_restarts",
    "clipd_waiting", "clipd_disk_free_bytes", "clipd_disk_grade", "clipd_alerts",
    "clipd_moment_to_alert_seconds",
}  # fmt: skip


OF_THE_GATEWAY = {"clipd_llm_requests", "clipd_llm_seconds", "clipd_llm_cost_usd"}


def test_the_gateway_has_figures_of_its_own() -> None:
    """On the supervisor's page."""
    assert {family.name for family in LlmMetrics().registry.collect()} == OF_THE_GATEWAY
    assert not OF_THE_GATEWAY & (NAMES | OF_SUPERVISORS)


def test_supervisors_have_figures_of_their_own() -> None:
    """None with a worker's name: they stand on one page."""
    assert {family.name for family in SupervisorMetrics().registry.collect()} == OF_SUPERVISORS
    assert not OF_SUPERVISORS & NAMES


def test_the_names_are_those_of_the_design() -> None:
    """Counters get their `_total` on the wire."""
    metrics = Metrics()
    assert {family.name for family in metrics.registry.collect()} == NAMES
    metrics.events_total.labels(kind="roar").inc()
    assert b'clipd_events_total{kind="roar"} 1.0' in generate_latest(metrics.registry)


def test_two_workers_in_one_process_do_not_share_figures() -> None:
    """Each has a registry of its own."""
    one, two = Metrics(), Metrics()
    one.segments_written_total.inc(3)
    assert (one.snapshot()["clipd_segments_written_total"], two.snapshot()["clipd_segments_written_total"]) == (3, 0)


def test_a_snapshot_is_flat() -> None:
    """By exposed name; a histogram is its sum and count."""
    metrics = Metrics()
    metrics.gap_seconds_total.labels(reason="discontinuity").inc(1.5)
    metrics.moment_to_clip_seconds.observe(4)
    figures = metrics.snapshot()
    assert figures['clipd_gap_seconds_total{reason="discontinuity"}'] == 1.5
    assert (figures["clipd_moment_to_clip_seconds_sum"], figures["clipd_moment_to_clip_seconds_count"]) == (4, 1)
    assert not [name for name in figures if "bucket" in name or "created" in name]
