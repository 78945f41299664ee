"""Every alert rule fires in Prometheus' own checker, after its time and not before, and is quiet where all is well."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.needs import require

RULES = Path(__file__).resolve().parents[3] / "configs/compose/alerts.yaml"
LATE = {"30": "0+1x60", "60": "0+10x60", "+Inf": "0+10x60"}  # nine clips of ten came between 30 and 60 s
VERY_LATE = {"60": "0+1x60", "120": "0+10x60", "+Inf": "0+10x60"}
QUICK = {"5": "0+10x60", "30": "0+10x60", "+Inf": "0+10x60"}


def buckets(metric: str, counts: dict[str, str]) -> dict[str, str]:
    """Series of a histogram."""
    return {f'{metric}_bucket{{le="{le}",instance="a"}}': values for le, values in counts.items()}


# By alert: series, one value a minute, that make it fire; when it has not yet; when it has
FIRING: dict[str, tuple[dict[str, str], str | None, str]] = {
    "ClipdSupervisorDown": ({'up{job="clipd",instance="a"}': "0x60"}, "30s", "2m"),
    "ClipdNobodyLeads": ({'clipd_lease_held{instance="a"}': "0x60"}, "15s", "2m"),
    "ClipdLeadershipMoves": ({'clipd_lease_transitions_total{to="held"}': "0+1x60"}, "2m", "15m"),
    "ClipdStaleWrites": ({'clipd_stale_writes_refused_total{by="catalog"}': "0x5 1x20"}, "4m", "8m"),
    "ClipdWorkerUnwell": ({'clipd_workers{state="lost"}': "1x60"}, "4m", "6m"),
    "ClipdQuarantined": ({'clipd_workers{state="quarantined"}': "1x60"}, None, "1m"),
    "ClipdRestarts": ({'clipd_restarts_total{reason="crashed"}': "0+1x60"}, "2m", "20m"),
    "ClipdStreamsWait": ({'clipd_waiting{reason="machine_full"}': "2x60"}, "4m", "6m"),
    "ClipdDiskTight": ({"clipd_disk_grade": "1x60"}, "4m", "6m"),
    "ClipdDiskRed": ({"clipd_disk_grade": "2x60"}, None, "1m"),
    "ClipdAnalysisBehind": ({'clipd_media_lag_seconds{stream="ann"}': "31x60"}, "1m", "3m"),
    "ClipdClipsLate": (buckets("clipd_moment_to_clip_seconds", LATE), "5m", "40m"),
    "ClipdAlertsLost": ({'clipd_alerts_total{channel="discord",outcome="dead"}': "0x5 1x40"}, "4m", "8m"),
    "ClipdAlertsLate": (buckets("clipd_moment_to_alert_seconds", VERY_LATE), "5m", "40m"),
    "ClipdModelsFail": ({'clipd_llm_requests_total{provider="groq",outcome="timeout"}': "0+1x60"}, "3m", "25m"),
}
WELL: dict[str, str] = {
    'up{job="clipd",instance="a"}': "1x60",
    'clipd_lease_held{instance="a"}': "1x60",
    'clipd_lease_transitions_total{to="held"}': "0 1x60",
    'clipd_stale_writes_refused_total{by="catalog"}': "0x60",
    'clipd_workers{state="running"}': "8x60",
    'clipd_workers{state="lost"}': "0x60",
    'clipd_workers{state="quarantined"}': "0x60",
    'clipd_restarts_total{reason="source_gone"}': "0+1x60",
    'clipd_waiting{reason="back_off"}': "1x60",
    "clipd_disk_grade": "0x60",
    'clipd_media_lag_seconds{stream="ann"}': "2x60",
    'clipd_asr_lag_seconds{stream="ann"}': "2x60",
    **buckets("clipd_moment_to_clip_seconds", QUICK),
    **buckets("clipd_moment_to_alert_seconds", QUICK),
    'clipd_alerts_total{channel="discord",outcome="sent"}': "0+1x60",
    'clipd_alerts_total{channel="webhook",outcome="retry"}': "0+1x60",
    'clipd_llm_requests_total{provider="groq",outcome="ok"}': "0+1x60",
    'clipd_llm_requests_total{provider="groq",outcome="timeout"}': "0+1x60",
}


def check(folder: Path, series: dict[str, str], expected: list[tuple[str, str, bool]]) -> str:
    """What promtool complains about; `expected` are (alert, when, whether it fires)."""
    (folder / "rules.yaml").write_text(RULES.read_text())
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    tests = {
        "rule_files": ["rules.yaml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": inputs,
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
                        "eval_time": when,
                        "exp_samples": [{"labels": "{}", "value": int(fires)}],
                    }
                    for alert, when, fires in expected
                ],
            }
        ],
    }
    (folder / "tests.yaml").write_text(yaml.safe_dump(tests))
    argv = [require("promtool"), "test", "rules", "tests.yaml"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def alerts() -> list[str]:
    """Their names."""
    return [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_every_alert_has_a_case() -> None:
    """A rule without one may never fire."""
    assert sorted(FIRING) == sorted(alerts())


@pytest.mark.parametrize("alert", FIRING)
def test_an_alert_fires_after_its_time(alert: str, tmp_path: Path) -> None:
    """Once: a rule that aggregates says one thing."""
    series, before, after = FIRING[alert]
    expected = [(alert, after, True)] if before is None else [(alert, before, False), (alert, after, True)]
    assert check(tmp_path, series, expected) == ""


def test_nothing_fires_where_all_is_well(tmp_path: Path) -> None:
    """An hour of a healthy installation, with a channel that went offline and a clip in five seconds."""
    quiet = [(alert, when, False) for alert in alerts() for when in ("1m", "20m", "59m")]
    assert check(tmp_path, WELL, quiet) == ""
