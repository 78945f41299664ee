"""The supervisors' gateway as a ranker's model."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import Final

from core.control import LlmAnswer, LlmAsk
from daemon.ranking import Unanswered
from daemon.worker.plane.supervisors import NotTaken, Superseded, Supervisors
from daemon.worker.plane.wire import Away

SLACK_S: Final = 5.0  # for the way there and back, beyond the ask's own deadline


class PlaneModel:
    """A daemon.ranking Model, for threads beside the event loop that it is built on."""

    def __init__(self, supervisors: Supervisors) -> None:
        self._supervisors = supervisors
        self._loop = asyncio.get_running_loop()

    def ask(self, ask: LlmAsk) -> LlmAnswer:
        """See Model."""
        asked = self._supervisors.model(ask, within_s=ask.deadline_s + SLACK_S)
        try:
            future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        except RuntimeError:  # the loop has ended, and the worker with it
            asked.close()
            raise Unanswered("unavailable", "ended") from None
        try:
            return future.result(ask.deadline_s + 2 * SLACK_S)
        except NotTaken as not_taken:
            if not_taken.code == "llm_off":
                raise Unanswered("heuristic", "off") from None
            spent = not_taken.code == "llm_budget"
            raise Unanswered("budget" if spent else "unavailable", not_taken.code) from None
        except Away as away:
            raise Unanswered("unavailable", away.code) from None
        except Superseded:
            raise Unanswered("unavailable", "superseded") from None
        except (TimeoutError, concurrent.futures.CancelledError):
            future.cancel()
            raise Unanswered("unavailable", "timeout") from None
