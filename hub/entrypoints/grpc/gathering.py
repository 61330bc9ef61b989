"""Questions that come at the same time are put to the database together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from itertools import islice
from typing import Final, Generic, TypeVar

QUESTIONS_MAX: Final = 500
"""Of one reading; what comes beyond waits for the next."""
REST_SECONDS: Final = 0.003
"""Between two readings when questions are waiting already. More gather meanwhile, and a reading of many costs little
more than one of a few; without a rest they were read in fives, and a third of the machine's time went into reading."""

Question = TypeVar("Question")
Reading = TypeVar("Reading")


class Gathered(Generic[Question, Reading]):
    """Reads on behalf of coroutines: while one reading is under way the next questions gather.

    On an idle server each is read at once and by itself. Under load a reading answers all that came during the one
    before, so the database is asked some hundred times a second, however many questions there are.
    """

    def __init__(self, read: Callable[[Collection[Question]], Awaitable[Reading]]) -> None:
        """`read` is never called twice at a time."""
        self._read = read
        self._waiting: list[tuple[Question | None, asyncio.Future[Reading]]] = []
        self._reader: asyncio.Task[None] | None = None

    async def ask(self, question: Question | None) -> Reading:
        """A reading that began after this call and has the question in it, if any. Raises what the reading raises."""
        future: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all())
        return await future

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                batch = list(islice(self._waiting, QUESTIONS_MAX))
                del self._waiting[: len(batch)]
                questions = {question for question, _ in batch if question is not None}
                try:
                    reading = await self._read(questions)
                except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
                    for _, future in batch:
                        # Who has hung up meanwhile has cancelled the question.
                        if not future.done():
                            future.set_exception(error)
                else:
                    for _, future in batch:
                        if not future.done():
                            future.set_result(reading)
                if self._waiting:
                    await asyncio.sleep(REST_SECONDS)
        finally:
            self._reader = None
