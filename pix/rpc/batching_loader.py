"""A batching loader: answers concurrent calls with one query."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from pix.rpc.turns import TURN, RunOn, Wait
from pix.runtime.logs import logger
from pix.runtime.outages import ConnectionLost

QUESTIONS_MAX: Final = 500
"""Of one reading; more wait for the next."""
REST_SECONDS: Final = 0.001
"""Between two readings when questions are waiting. More gather meanwhile, and a reading of many costs little more than
one of a few."""
QUESTIONS_ENOUGH: Final = 16
"""So many begin a reading also while more calls are coming: the database works on it while the thread takes those."""

Question = TypeVar("Question")
Reading = TypeVar("Reading")
ReadingMade = TypeVar("ReadingMade", covariant=True)

log = logger(__name__)


class BatchingLoader(Generic[Question, Reading]):
    """Reads for coroutines: while one reading is under way the next questions gather.

    On an idle server each question begins a reading at once. Under load a reading answers all questions that came
    during the one before, so there are some hundred readings a second, however many questions come.
    """

    def __init__(self, read: Callable[[Collection[Question]], Reading]) -> None:
        """`read` is called in a thread of its own, never twice at a time."""
        self._read = read
        self._waiting: list[tuple[Question | None, RunOn]] = []
        self._changing = threading.Lock()
        self._is_reading = False
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="grpc-readings")

    def ask(self, question: Question | None) -> Asked[Question, Reading]:
        """Returns an awaitable: a reading that begins after this call, and contains the question unless it is None.

        Awaiting it raises what the reading raises.
        """
        return Asked(self.put, question)

    def put(self, question: Question | None, run_on: RunOn) -> None:
        """Adds the question to the next reading, which is handed to `run_on`."""
        with self._changing:
            self._waiting.append((question, run_on))
            if self._is_reading:
                return
            self._is_reading = True
        self._reader.submit(self._read_all)

    def _read_all(self) -> None:
        while batch := self._next_batch():
            reading: Reading | None = None
            error: Exception | None = None
            try:
                reading = self._read(_questions_of(batch))
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


class ReadingUnderWay(Protocol[ReadingMade]):
    def reading(self) -> ReadingMade | None:
        """The rows; None before they have come. Never waits. Raises ConnectionLost, and other errors."""

    def wait(self, seconds: float) -> None:
        """Waits until the connection has something to read, at most this long."""


class TurnBatchingLoader(Generic[Question, Reading]):
    """The same, without a thread: the thread that runs the coroutines reads between their events.

    Another thread takes part only when `begin` would have to wait, as for the first reading.
    """

    def __init__(
        self,
        begin: Callable[[Collection[Question]], ReadingUnderWay[Reading] | None],
        read: Callable[[Collection[Question]], Reading],
    ) -> None:
        """`begin` never waits, and returns None when it would have to; `read` is then called in another thread."""
        self._begin = begin
        self._elsewhere = BatchingLoader(read)
        self._waiting: list[tuple[Question | None, RunOn]] = []
        self._batch: list[tuple[Question | None, RunOn]] = []
        self._under_way: ReadingUnderWay[Reading] | None = None

    def ask(self, question: Question | None) -> Asked[Question, Reading]:
        return Asked(self.put, question)

    def put(self, question: Question | None, run_on: RunOn) -> None:
        """Adds the question to the next reading, which is handed to `run_on`. For the thread that runs the coroutines.

        A question from another thread would wait until the next event wakes that one.
        """
        self._waiting.append((question, run_on))

    def go_on(self, *, is_idle: bool) -> bool:
        if self._under_way is not None:
            self._take_up(self._under_way)
        if self._under_way is None and self._waiting and (is_idle or len(self._waiting) >= QUESTIONS_ENOUGH):
            self._begin_next()
        return self._under_way is not None

    def wait(self, seconds: float) -> None:
        if self._under_way is not None:
            self._under_way.wait(seconds)

    def _take_up(self, under_way: ReadingUnderWay[Reading]) -> None:
        """Hands on the rows, if they have come."""
        reading: Reading | None = None
        error: Exception | None = None
        try:
            reading = under_way.reading()
            if reading is None:
                return
        except Exception as failure:  # noqa: BLE001 - it is raised where the question was asked
            error = failure
        batch, self._batch, self._under_way = self._batch, [], None
        if isinstance(error, ConnectionLost):
            self._read_elsewhere(batch)
            return
        if len(self._waiting) >= QUESTIONS_ENOUGH:
            # The database reads the next ones while these are answered.
            self._begin_next()
        for _, run_on in batch:
            run_on(reading, error)

    def _begin_next(self) -> None:
        batch = self._waiting[:QUESTIONS_MAX]
        del self._waiting[: len(batch)]
        try:
            self._under_way = self._begin(_questions_of(batch))
        except Exception:
            log.exception("a reading could not be begun")
        if self._under_way is None:
            self._read_elsewhere(batch)
        else:
            self._batch = batch

    def _read_elsewhere(self, batch: Sequence[tuple[Question | None, RunOn]]) -> None:
        for question, run_on in batch:
            self._elsewhere.put(question, run_on)


def _questions_of(batch: Sequence[tuple[Question | None, RunOn]]) -> Collection[Question]:
    return {question for question, _ in batch if question is not None}


class Asked(Generic[Question, Reading]):
    """A question, for a coroutine to await what it is read in."""

    __slots__ = ("_put", "_question")

    def __init__(self, put: Callable[[Question | None, RunOn], None], question: Question | None) -> None:
        self._put = put
        self._question = question

    def __await__(self) -> Generator[Wait, Any, Reading]:
        return cast("Reading", (yield self))

    def begin(self, run_on: RunOn) -> None:
        self._put(self._question, run_on)
