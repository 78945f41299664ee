"""Plays every hostile playlist through the real source, inside the network of tests.attack.everywhere; prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import wave
from pathlib import Path
from time import process_time

from configs.ingest import IngestOptions
from core.errors import ClipdError
from daemon.ingest.open import open_source
from tests.attack.everywhere import ATTACKER, SECRET, Answer, Everywhere, everywhere
from tests.attack.playlist_cases import Case, corpus
from tests.fakes import FakeClock, RecordingSink

TIMEOUT_S = 90.0  # a hang; how much work a list makes is counted in processor time
MOST_S = 15.0
UNIT_S = 0.02  # of processor time that `_slowness` takes on a machine for which MOST_S is meant


def hide(folder: Path) -> str:
    """A file whose bytes would be its sound, were it ever opened as media."""
    path = folder / "secret.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(SECRET * 500)
    return str(path)


async def play(case: Case, place: Everywhere, folder: Path, *allow: str) -> list[str]:
    """What went wrong."""
    place.touched.clear()
    place.routes = case.routes
    sink, said, wrong, started_s = RecordingSink(), "", [], process_time()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            source = await open_source(
                f"http://{ATTACKER}:8080/live.m3u8", clock=FakeClock(), options=IngestOptions(timeout_s=3, stall_s=30),
                live=True, speed=None, origin="api", workdir=folder / "work", allow=allow,
            )  # fmt: skip
            await source.run(sink)
    except ClipdError as err:
        said = f"{err} {err.__cause__}"
    except Exception as err:  # noqa: BLE001  # the very thing that is looked for
        wrong.append(f"{type(err).__name__} {str(err)[:200]}")
    for _ in range(3):
        await asyncio.sleep(0)
    for file in (folder / "work").glob("*"):
        wrong += ["the secret was stored"] if SECRET in file.read_bytes() else []
        file.unlink()
    if SECRET.decode() in said or any(SECRET[:8] in packet.data for packet in sink.packets()):
        wrong.append("the secret came out")
    wrong += [f"touched {place.touched[0]}"] if place.touched else []
    took_s = process_time() - started_s
    took_s /= _slowness() if took_s > MOST_S else 1.0
    wrong += [f"took {took_s:.0f} s"] if took_s > MOST_S else []
    return [f"{case.name}: {what}" for what in wrong]


async def run_all() -> dict[str, object]:
    """Every case after the other in one process, as a worker would meet them."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        secret = hide(folder)
        cases = corpus(secret)
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on: making the bombs took memory
        before_kb = _memory_kb("VmRSS")
        async with everywhere() as place:
            for case in cases:
                wrong += await play(case, place, folder)
            grown_mb = (_memory_kb("VmHWM") - before_kb) / 1024
            bites = await play(
                Case("the secret itself", {"/live.m3u8": Answer(Path(secret).read_bytes())}), place, folder
            )
            [foreign] = [case for case in cases if case.name == "segment http://127.0.0.1:8080/x"]
            bites += await play(foreign, place, folder, "127.0.0.0/8")
    return {"cases": len(cases), "wrong": wrong, "grown_mb": round(grown_mb), "bites": bites}


def _slowness() -> float:
    """How many times as long this machine takes, now, for the same work."""
    started_s = process_time()
    for _ in range(20):
        sum(number * number for number in range(300_000))
    return max(1.0, (process_time() - started_s) / 20 / UNIT_S)


def _memory_kb(field: str) -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1])


if __name__ == "__main__":
    json.dump(asyncio.run(run_all()), sys.stdout)
