"""Questions that come at the same time are put to the database together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, Generic, TypeVar

QUESTIONS_MAX: Final = 500
"""Of one reading; what comes beyond waits for the next."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathered(Generic[Question, Answer]):
    """Reads on behalf of coroutines: while one reading is under way the next questions gather.

    On an idle server each is read at once and by itself. Under load a reading answers all that came during the one
    before, so the database and the threads are asked some hundred times a second, however many questions there are.
    """

    def __init__(self, read: Callable[[Collection[Question]], Mapping[Question, Answer]]) -> None:
        """`read` may wait: it is called in a thread, and never twice at a time."""
        self._read = read
        self._waiting: dict[Question, list[asyncio.Future[Answer | None]]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer | None:
        """The answer, or None when there is none. Raises what the reading raises."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(question, []).append(future)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all())
        return await future

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                batch = {question: self._waiting.pop(question) for question in list(self._waiting)[:QUESTIONS_MAX]}
                try:
                    answers = await asyncio.to_thread(self._read, batch.keys())
                except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
                    for futures in batch.values():
                        for future in futures:
                            if not future.done():
                                future.set_exception(error)
                    continue
                for question, futures in batch.items():
                    for future in futures:
                        # Who has hung up meanwhile has cancelled the question.
                        if not future.done():
                            future.set_result(answers.get(question))
        finally:
            self._reader = None
