"""Runs the corpus through the real client, inside the network of tests.attack.everywhere; prints JSON.

Twice: as a stranger's source, where nothing may be touched, and with every network in `net.allow`, where it is, so that
the corpus is known to bite.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path

from configs.ingest import IngestOptions
from core.errors import ClipdError
from core.netpolicy import Address
from daemon.ingest.chat import open_chat
from daemon.ingest.http import system_lookup
from daemon.ingest.open import open_source
from tests.attack.everywhere import ATTACKER, Answer, Everywhere, everywhere
from tests.attack.ssrf_cases import DNS, Case, corpus
from tests.fakes import FakeClock, RecordingSink

HOST = f"http://{ATTACKER}:8080"
HEAD = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
END = "#EXTINF:2,\n/seg.ts\n#EXT-X-ENDLIST\n"
CHILD: Mapping[str, str] = {
    "variant": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n{url}\n",
    "audio": '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="{url}"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"\n/media.m3u8\n',
    "segment": HEAD + "#EXTINF:2,\n{url}\n" + END,
    "second segment": HEAD + "#EXTINF:2,\n/seg.ts\n#EXTINF:2,\n{url}\n" + END,
    "byte range": HEAD + "#EXT-X-BYTERANGE:100@5\n#EXTINF:2,\n{url}\n" + END,
    "map": HEAD + '#EXT-X-MAP:URI="{url}"\n' + END,
    "map byte range": HEAD + '#EXT-X-MAP:URI="{url}",BYTERANGE="50@0"\n' + END,
    "key": HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n' + END,
    "map key": HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="{url}",IV=0x1\n#EXT-X-MAP:URI="/seg.ts"\n' + END,
    "session key": '#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI="{url}"\n'
    "#EXT-X-STREAM-INF:BANDWIDTH=9\n/media.m3u8\n",
    "iframe": '#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI="{url}"\n'
    "#EXT-X-STREAM-INF:BANDWIDTH=9\n/media.m3u8\n",
    "subtitles": '#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="s",URI="{url}"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=9,SUBTITLES="s"\n/media.m3u8\n',
    "nested": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n/media.m3u8\n",
    "reload": HEAD + "#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:2,\n/seg.ts\n",
    "part": HEAD + '#EXT-X-PART:DURATION=1,URI="{url}"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{url}"\n' + END,
    "same host": HEAD + "".join(f"#EXTINF:2,\n/seg{n}.ts\n" for n in range(6)) + "#EXT-X-ENDLIST\n",
}  # fmt: skip
PLAIN = (HEAD + END).encode()
TIMEOUT_S = 30.0


class Names:
    """The attacker's name server, fresh for each case; numbers and real names go to the system."""

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}

    async def look_up(self, host: str) -> Sequence[Address]:
        return self._next(host) if host in DNS else await system_lookup(host)

    def _next(self, host: str) -> Sequence[Address]:
        answers, number = DNS[host], self._asked.get(host, 0)
        self._asked[host] = number + 1
        return [ip_address(text) for text in answers[min(number, len(answers) - 1)]]


@dataclass
class Tally:
    """One family's outcome. `bites`: cases that reach a canary once every network is allowed."""

    cases: int = 0
    touched: int = 0
    bites: int = 0
    wrong: list[str] = field(default_factory=list)


class Runner:
    """Case after case against one Everywhere."""

    def __init__(self, place: Everywhere, folder: Path) -> None:
        self._place = place
        self._folder = folder
        self._options = IngestOptions(timeout_s=2.0, stall_s=30.0)

    async def run(self, case: Case, allow: Sequence[str]) -> tuple[list[str], str]:
        """What was touched, and what went wrong if it was no error of ours."""
        self._place.touched.clear()
        self._place.routes = routes(case)
        wrong = ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._attempt(case, allow)
        except ClipdError:
            pass
        except Exception as err:  # noqa: BLE001  # the very thing that is looked for
            wrong = f"{case.name}: {type(err).__name__} {str(err)[:100]}"
        for _ in range(3):
            await asyncio.sleep(0)
        return list(self._place.touched), wrong

    async def _attempt(self, case: Case, allow: Sequence[str]) -> None:
        door, names = case.door, Names()
        if door.startswith("chat"):
            await self._chat(case, f"{HOST}/hop1" if door == "chat redirect" else case.url, allow, names)
            return
        given = case.url if door == "direct" else f"{HOST}/hop1" if door.startswith("redirect") else case.typed
        clock = FakeClock()
        source = await open_source(
            given, clock=clock, options=self._options, live=True, speed=None, origin=case.origin,
            workdir=self._folder, allow=allow, lookup=names.look_up,
        )  # fmt: skip
        await source.run(RecordingSink())

    async def _chat(self, case: Case, url: str, allow: Sequence[str], names: Names) -> None:
        reader = open_chat(
            url, clock=FakeClock(), options=self._options, follow=False, align=lambda _: None,
            origin=case.origin, warn=_nobody, allow=tuple(allow), lookup=names.look_up,
        )  # fmt: skip
        async for _ in reader.batches():
            pass


async def _nobody(_code: str, _message: str, _remedy: str) -> None:
    """Who is told that a chat stays away."""


def routes(case: Case) -> dict[str, Answer | list[Answer]]:
    """What the attacker serves."""
    found: dict[str, Answer | list[Answer]] = {
        "/seg.ts": Answer(bytes(1600)),
        "/media.m3u8": Answer(PLAIN),
        "/live.m3u8": Answer(CHILD.get(case.door, PLAIN.decode()).replace("{url}", case.url).encode()),
    }
    if "redirect" in case.door:
        hops = int(case.door.partition("redirect")[2] or 1)
        for hop in range(1, hops + 1):
            place = case.url if hop == hops else f"/hop{hop + 1}"
            found[f"/hop{hop}"] = Answer(status=(301, 302, 303, 307, 308)[hop % 5], headers={"Location": place})
    if case.door == "nested":
        found["/media.m3u8"] = Answer(CHILD["variant"].replace("{url}", case.url).encode())
    if case.door == "reload":
        found["/live.m3u8"] = [
            *[Answer(CHILD["reload"].encode())] * 3,
            Answer((CHILD["reload"] + f"#EXTINF:2,\n{case.url}\n#EXT-X-ENDLIST\n").encode()),
        ]
    return found


EVERYTHING = (  # a `net.allow` that hides nothing: all networks, and each metadata address by name
    "0.0.0.0/0", "::/0", "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16",
    "fd00:ec2::254", "fd20:ce::254", "fd00:42::42",
)  # fmt: skip


async def run_all() -> dict[str, Tally]:
    """Both passes over the corpus."""
    families: dict[str, Tally] = {}
    async with everywhere() as place:
        with tempfile.TemporaryDirectory() as folder:
            runner = Runner(place, Path(folder))
            for case in corpus():
                tally = families.setdefault(case.family, Tally())
                touched, wrong = await runner.run(case, ())
                tally.cases += 1
                tally.touched += bool(touched)
                tally.wrong += [wrong] if wrong else []
                tally.wrong += [f"{case.name} touched {touched[0]}"] if touched else []
                if case.control:
                    tally.bites += bool((await runner.run(case, EVERYTHING))[0])
    return families


if __name__ == "__main__":
    json.dump({name: asdict(tally) for name, tally in asyncio.run(run_all()).items()}, sys.stdout)
