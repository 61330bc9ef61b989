"""Questions that come at the same time are put to the database together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar, cast

from pix.service.turns import TURN, RunOn, wait_for

QUESTIONS_MAX: Final = 500
"""Of one reading; what comes beyond waits for the next."""
REST_SECONDS: Final = 0.001
"""Between two readings when questions are waiting already. More gather meanwhile, and a reading of many costs little
more than one of a few."""

Question = TypeVar("Question")
Reading = TypeVar("Reading")


class Gathered(Generic[Question, Reading]):
    """Reads on behalf of coroutines: while one reading is under way the next questions gather.

    On an idle server each is read at once and by itself. Under load a reading answers all that came during the one
    before, so the database is asked some hundred times a second, however many questions there are.
    """

    def __init__(self, read: Callable[[Collection[Question]], Reading]) -> None:
        """`read` is called in a thread of its own, never twice at a time."""
        self._read = read
        self._waiting: list[tuple[Question | None, RunOn]] = []
        self._changing = threading.Lock()
        self._is_reading = False
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="grpc-readings")

    async def ask(self, question: Question | None) -> Reading:
        """A reading that began after this call and has the question in it, if any. Raises what the reading raises."""
        return cast("Reading", await wait_for(_Asked(self.put, question)))

    def put(self, question: Question | None, run_on: RunOn) -> None:
        """Notes the question; `run_on` is told what it is read in."""
        with self._changing:
            self._waiting.append((question, run_on))
            if self._is_reading:
                return
            self._is_reading = True
        self._reader.submit(self._read_all)

    def _read_all(self) -> None:
        while batch := self._next_batch():
            questions = {question for question, _ in batch if question is not None}
            reading: Reading | None = None
            error: Exception | None = None
            try:
                reading = self._read(questions)
            except Exception as failure:  # noqa: BLE001 - it is raised where the question was asked
                error = failure
            with TURN:
                for _, run_on in batch:
                    run_on(reading, error)
            if self._waiting:
                time.sleep(REST_SECONDS)

    def _next_batch(self) -> list[tuple[Question | None, RunOn]]:
        with self._changing:
            batch = self._waiting[:QUESTIONS_MAX]
            del self._waiting[: len(batch)]
            self._is_reading = bool(batch)
            return batch


class _Asked(Generic[Question]):
    """A question, for who asked it to wait for."""

    __slots__ = ("_put", "_question")

    def __init__(self, put: Callable[[Question | None, RunOn], None], question: Question | None) -> None:
        self._put = put
        self._question = question

    def begin(self, run_on: RunOn) -> None:
        """See `pix.service.turns.Wait`."""
        self._put(self._question, run_on)
