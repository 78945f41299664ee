"""configs/compose: what it names is there. Settings are ours, figures are exposed, images run what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from configs import load_settings
from telemetry import Metrics
from telemetry.metrics import LlmMetrics, SupervisorMetrics

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "configs" / "compose"
SUPERVISORS = ("supervisor-1", "supervisor-2")
SCRAPED = {"stream", "instance", "job", "le"}  # labels that exposition and Prometheus add


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


COMPOSE = read("compose.yaml")


def figures() -> dict[str, set[str]]:
    """Every sample's name on a leader's page, with its labels."""
    found: dict[str, set[str]] = {}
    for metrics in (
        Metrics(CollectorRegistry()),
        SupervisorMetrics(CollectorRegistry()),
        LlmMetrics(CollectorRegistry()),
    ):
        for each in vars(metrics).values():
            if not hasattr(each, "_labelnames"):
                continue
            for family in each.describe():
                endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
                found |= {family.name + ending: set(each._labelnames) for ending in endings}
    return found


def expressions() -> Iterator[str]:
    """Of alert rules and of the dashboard."""
    for group in read("alerts.yaml")["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads((FOLDER / "grafana/dashboards/clipd.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_file_parses(path: Path) -> None:
    """And holds something."""
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_every_figure_that_is_asked_for_is_exposed() -> None:
    """With the labels it is asked by; a misspelt alert never fires."""
    known = figures()
    asked = list(expressions())
    assert len(asked) > 25
    for text in asked:
        names = re.findall(r"\bclipd_\w+", text)
        assert [name for name in names if name not in known] == [], text
        if not names:
            assert text == 'up{job="clipd"} == 0'
            continue
        labels = {label for inner in re.findall(r"\{(.*?)\}", text) for label in re.findall(r"(\w+)\s*[=!]", inner)}
        labels |= {each.strip() for inner in re.findall(r"\bby \((.*?)\)", text) for each in inner.split(",")}
        assert labels <= SCRAPED | set[str]().union(*(known[name] for name in names)), text


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    """Each with a severity."""
    rules = [rule for group in read("alerts.yaml")["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    assert all(rule["labels"]["severity"] in ("warning", "critical") for rule in rules)
    assert all(len(rule["annotations"][part]) > 10 for rule in rules for part in ("summary", "description"))


def test_the_dashboard_is_whole() -> None:
    """Panels do not lie on each other, and ask the data source that is provisioned."""
    board = json.loads((FOLDER / "grafana/dashboards/clipd.json").read_text())
    [source] = read("grafana/datasources/prometheus.yaml")["datasources"]
    cells: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in own) < 24
        assert not own & cells
        cells |= own
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {source["uid"]}


def test_the_supervisors_settings_are_settings(tmp_path: Path) -> None:
    """The file with passwords in it, and each one's environment; unknown keys are errors. Both are in `urls`."""
    text = (FOLDER / "clipd.example.yaml").read_text()
    (tmp_path / "clipd.yaml").write_text(text)
    ports = []
    for name in SUPERVISORS:
        env = {key: value.replace("${CLIPD_DATA}", "/srv/clipd") for key, value in service(name)["environment"].items()}
        settings = load_settings(config=tmp_path / "clipd.yaml", environment=env)
        assert (settings.data_dir, settings.supervisor.runtime) == ("/srv/clipd", "docker")
        assert settings.supervisor.lease.startswith("redis://")
        ports.append(settings.api.port)
    assert [int(url.rsplit(":", 1)[1]) for url in settings.supervisor.urls] == ports
    [scraped] = read("prometheus.yaml")["scrape_configs"]
    assert [int(target.rsplit(":", 1)[1]) for target in scraped["static_configs"][0]["targets"]] == ports


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


def test_the_engines_socket_is_the_supervisors_alone() -> None:
    """And DATA lies at the same path inside, which is what workers' mounts are made of."""
    with_socket = [name for name in COMPOSE["services"] if any("docker.sock" in each for each in volumes(name))]
    assert tuple(with_socket) == SUPERVISORS
    for name in SUPERVISORS:
        [data] = [each for each in volumes(name) if "CLIPD_DATA" in each]
        assert re.fullmatch(r"\$\{CLIPD_DATA:\?[^}]+\}:\$\{CLIPD_DATA\}", data)
        assert (service(name)["network_mode"], service(name)["stop_grace_period"]) == ("host", "90s")


def volumes(name: str) -> list[str]:
    return [str(each) for each in service(name).get("volumes", [])]


def test_everything_restarts_and_nothing_is_open_to_the_network() -> None:
    """Published ports and host-network servers are on loopback; logs are bounded."""
    for name, each in COMPOSE["services"].items():
        assert each["restart"] == "always", name
        assert each["logging"]["options"], name
        assert all(port.startswith("127.0.0.1:") for port in each.get("ports", [])), name
    assert "--web.listen-address=127.0.0.1:9090" in service("prometheus")["command"]
    assert service("grafana")["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_secrets_are_files_and_none_is_written_here() -> None:
    """Each that is used is declared, and git ignores the folder; no password stands in an environment."""
    used = {secret for each in COMPOSE["services"].values() for secret in each.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    assert all(each["file"].startswith("./secrets/") for each in COMPOSE["secrets"].values())
    assert "/configs/compose/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    for each in COMPOSE["services"].values():
        environment = each.get("environment", {})
        secret = {key: value for key, value in environment.items() if re.search("PASSWORD|TOKEN|SECRET", key)}
        assert all(value.startswith("/run/secrets/") for value in secret.values())
    readme = (FOLDER / "README.md").read_text()
    assert [secret for secret in COMPOSE["secrets"] if f"secrets/{secret}" not in readme] == []


def test_redis_is_as_the_lease_wants_it() -> None:
    """Append-only, never dropping a key, and its user may do what docs/operations.md lists and no more."""
    lines = (FOLDER / "redis.conf").read_text().splitlines()
    assert {"appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"} <= set(lines)
    page = (ROOT / "docs" / "operations.md").read_text()
    [told] = re.findall(r"^ACL SETUSER clipd on >PASSWORD (.*)$", page, re.MULTILINE)
    acl = (FOLDER / "redis.example.acl").read_text()
    assert set(told.split()) <= set(acl.splitlines()[1].split())
    assert acl.startswith("user default off\n")


def test_the_driver_of_postgres_is_the_one_we_test_with() -> None:
    """Same version, same hashes as the lock file."""
    ours = (FOLDER / "requirements-postgres.lock").read_text()
    assert ours.startswith("asyncpg==")
    assert ours in (ROOT / "requirements-dev.lock").read_text()
