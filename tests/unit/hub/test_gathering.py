"""Questions that come at the same time share a reading, and nobody gets one that began before it asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from hub.entrypoints.grpc.gathering import QUESTIONS_MAX, Gathered


class Source:
    """Answers with the number of the reading and what was asked in it, when the test lets it."""

    def __init__(self) -> None:
        self.asked: list[set[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = False
        self._under_way = 0

    async def read(self, questions: Collection[int]) -> tuple[int, set[int]]:
        """One reading."""
        self._under_way += 1
        assert self._under_way == 1, "never two at a time"
        self.asked.append(set(questions))
        number = len(self.asked)
        await self.open.wait()
        self._under_way -= 1
        if self.fails:
            raise OSError(f"reading {number}")
        return number, set(questions)


async def settle() -> None:
    """Lets everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_one_question_is_read_at_once() -> None:
    async def play() -> None:
        source = Source()
        assert await Gathered(source.read).ask(7) == (1, {7})

    asyncio.run(play())


def test_what_comes_during_a_reading_is_read_together_in_the_next() -> None:
    async def play() -> None:
        source = Source()
        source.open.clear()
        gathered = Gathered(source.read)
        first = asyncio.create_task(gathered.ask(1))
        await settle()
        later = [asyncio.create_task(gathered.ask(number)) for number in (2, 3, 2)]
        nothing = asyncio.create_task(gathered.ask(None))
        await settle()
        assert source.asked == [{1}], "the first is under way, and none of the others is in it"
        source.open.set()
        assert await first == (1, {1})
        assert await asyncio.gather(*later, nothing) == [(2, {2, 3})] * 4

    asyncio.run(play())


def test_a_reading_that_fails_fails_for_those_who_were_in_it_alone() -> None:
    async def play() -> None:
        source = Source()
        gathered = Gathered(source.read)
        source.fails = True
        for outcome in await asyncio.gather(gathered.ask(1), gathered.ask(2), return_exceptions=True):
            assert isinstance(outcome, OSError)
        source.fails = False
        _, asked = await gathered.ask(3)
        assert asked == {3}

    asyncio.run(play())


def test_who_hangs_up_spoils_nothing() -> None:
    async def play() -> None:
        source = Source()
        source.open.clear()
        gathered = Gathered(source.read)
        gone, stays = asyncio.create_task(gathered.ask(1)), asyncio.create_task(gathered.ask(2))
        await settle()
        gone.cancel()
        source.open.set()
        assert (await stays)[1] == {1, 2}
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(play())


def test_a_reading_has_a_limit() -> None:
    async def play() -> None:
        source = Source()
        gathered = Gathered(source.read)
        answers = await asyncio.gather(*(gathered.ask(number) for number in range(QUESTIONS_MAX + 5)))
        assert [len(asked) for asked in source.asked] == [QUESTIONS_MAX, 5]
        assert all(number in asked for number, (_, asked) in enumerate(answers))

    asyncio.run(play())
