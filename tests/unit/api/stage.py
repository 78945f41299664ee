"""A supervisor's API on a free port, with tokens of every role in two workspaces, and workers with claims."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from configs import Settings, load_settings
from core.ids import SessionId, StreamId
from core.protocols import Clock
from supervisor.api import Health, Replays, make_app, serve
from supervisor.api.app import SERVICES
from supervisor.api.call import Services
from supervisor.catalog import Catalog, Leading
from supervisor.catalog.values import DEFAULT_WORKSPACE, Role, StreamRow, TokenRow, WorkspaceRow
from telemetry import SystemClock

FOREIGN: Final = "elsewhere"
ROLES: Final[tuple[Role, ...]] = ("viewer", "editor", "admin", "owner")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str = field(repr=False)

    @property
    def code(self) -> str:
        """Of an error, whose shape is checked."""
        assert set(self.body) == {"error"}, self
        assert set(self.body["error"]) == {"code", "message", "details", "trace_id"}
        assert self.body["error"]["trace_id"] == self.headers["X-Trace-Id"]
        return str(self.body["error"]["code"])


@dataclass
class Stage:
    """A running server and who may ask it what."""

    url: str
    app: web.Application
    catalog: Catalog
    client: aiohttp.ClientSession
    tokens: dict[tuple[str, Role], str]
    rows: dict[tuple[str, Role], TokenRow]
    leading: Leading
    health: list[Health]

    @property
    def services(self) -> Services:
        """What the server's handlers share."""
        return self.app[SERVICES]

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: Role | None = "owner",
        workspace: str = DEFAULT_WORKSPACE,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """One request, as a role or with a token of one's own. A path that begins with / is whole."""
        sent = dict(headers or {})
        text = token or (self.tokens[workspace, role] if role is not None else None)
        if text is not None:
            sent["Authorization"] = f"Bearer {text}"
        target = self.url + (path if path.startswith("/") else f"/api/v1/{path}")
        content = {"data": io.BytesIO(data)} if data is not None else {} if body is None else {"json": body}
        async with self.client.request(method, target, headers=sent, allow_redirects=False, **content) as answer:
            read = await answer.text()
            is_json = answer.content_type == "application/json" and read
            return Answer(answer.status, answer.headers.copy(), await answer.json() if is_json else None, read)

    async def stream(self, name: str = "ann", *, workspace: str = DEFAULT_WORKSPACE, **fields: Any) -> StreamRow:
        """A stream of the catalog."""
        row = StreamRow(
            id=StreamId(f"{name}-{workspace[:1]}"),
            workspace=workspace,
            name=name,
            source="https://example.org/live.m3u8",
            kind=fields.pop("kind", "stream"),
            origin="api",
            **fields,
        )
        return await self.catalog.add_stream(row)

    async def worker(self, stream: StreamId, after: int = 0) -> tuple[str, str]:
        """A claim on it with session `s-<stream>`: the worker's token and renewal secret."""
        session = SessionId(f"s-{stream}")
        claim = await self.leading.claim(stream, after_token=after, session=session, worker_runtime="process")
        token = await self.catalog.issue_worker_token(stream, claim.token, 600)
        return token, await self.catalog.set_renewal(stream, claim.token)


def settings_of(folder: Path, **env: str) -> Settings:
    """Defaults, with a data folder and any free port."""
    return load_settings(data_dir=folder, environment={"CLIPD_API__PORT": "0", **env})


async def no_replay(profile: str, session: SessionId, limit_ns: int) -> Mapping[str, Any]:
    """A Replays over journals that are gone."""
    return {"error": "no_journal"}


@dataclass(frozen=True)
class Template:
    """The bytes of a catalog with its first tokens."""

    data: bytes = field(repr=False)
    made: Mapping[tuple[str, Role], tuple[TokenRow, str]] = field(repr=False)


@cache
def first_catalog() -> Template:
    """Made once: a new one takes a quarter of a second."""
    return asyncio.run(_first_catalog())


async def _first_catalog() -> Template:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.db"
        catalog = await Catalog.open(f"sqlite:///{path}", SystemClock())
        await catalog.add_workspace(WorkspaceRow(id=FOREIGN, name=FOREIGN))
        made = {
            (workspace, role): await catalog.new_token(workspace, role, role)
            for workspace in (DEFAULT_WORKSPACE, FOREIGN)
            for role in ROLES
        }
        await catalog.close()
        return Template(path.read_bytes(), made)


@asynccontextmanager
async def stage(
    folder: Path, *, clock: Clock | None = None, replays: Replays | None = None, **env: str
) -> AsyncIterator[Stage]:
    """Serve while the block runs."""
    clock = clock or SystemClock()
    settings = settings_of(folder, **env)
    template = await asyncio.to_thread(first_catalog)
    (folder / "catalog.db").write_bytes(template.data)
    catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", clock)
    health = [Health(lease="held")]
    try:
        app = make_app(
            catalog,
            settings=settings,
            clock=clock,
            health=lambda: health[-1],
            formats=("square", "vertical"),
            replays=replays or no_replay,
        )
        async with serve(app, settings) as url, aiohttp.ClientSession() as client:
            yield Stage(
                url=url,
                app=app,
                catalog=catalog,
                client=client,
                tokens={key: secret for key, (_, secret) in template.made.items()},
                rows={key: row for key, (row, _) in template.made.items()},
                leading=catalog.leading(1),
                health=health,
            )
    finally:
        await catalog.close()
