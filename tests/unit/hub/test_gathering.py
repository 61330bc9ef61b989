"""Questions that come at the same time share a reading, and nobody gets one that began before it asked."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import Future

import pytest

from hub.entrypoints.grpc.gathering import QUESTIONS_MAX, Gathered
from pix.service.turns import play

DEADLINE_SECONDS = 10

Answer = tuple[int, set[int]]


class Source:
    """Answers with the number of the reading and what was asked in it, when the test lets it."""

    def __init__(self) -> None:
        self.asked: list[set[int]] = []
        self.began = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()
        self.fails = False
        self._under_way = 0

    def read(self, questions: Collection[int]) -> Answer:
        """One reading."""
        self._under_way += 1
        assert self._under_way == 1, "never two at a time"
        self.asked.append(set(questions))
        number = len(self.asked)
        self.began.release()
        assert self.open.wait(DEADLINE_SECONDS)
        self._under_way -= 1
        if self.fails:
            raise OSError(f"reading {number}")
        return number, set(questions)


def ask(gathered: Gathered[int, Answer], question: int | None) -> Future[Answer]:
    """Asks from a coroutine; the answer is there later."""
    answer: Future[Answer] = Future()

    def done(result: Answer, error: Exception | None) -> None:
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    async def asking() -> Answer:
        return await gathered.ask(question)

    play(asking(), done)
    return answer


def test_one_question_is_read_at_once() -> None:
    assert ask(Gathered(Source().read), 7).result(DEADLINE_SECONDS) == (1, {7})


def test_one_after_the_other_is_read_one_after_the_other() -> None:
    gathered = Gathered(Source().read)
    assert [ask(gathered, number).result(DEADLINE_SECONDS) for number in (5, 5, 6)] == [(1, {5}), (2, {5}), (3, {6})]


def test_what_comes_during_a_reading_is_read_together_in_the_next() -> None:
    source = Source()
    source.open.clear()
    gathered = Gathered(source.read)
    first = ask(gathered, 1)
    assert source.began.acquire(timeout=DEADLINE_SECONDS)
    later = [ask(gathered, number) for number in (2, 3, 2, None)]
    assert source.asked == [{1}], "the first is under way, and none of the others is in it"
    source.open.set()
    assert first.result(DEADLINE_SECONDS) == (1, {1})
    assert [answer.result(DEADLINE_SECONDS) for answer in later] == [(2, {2, 3})] * 4


def test_a_reading_that_fails_fails_for_those_who_were_in_it_alone() -> None:
    source = Source()
    gathered = Gathered(source.read)
    source.fails = True
    for answer in (ask(gathered, 1), ask(gathered, 2)):
        with pytest.raises(OSError, match="reading"):
            answer.result(DEADLINE_SECONDS)
    source.fails = False
    assert ask(gathered, 3).result(DEADLINE_SECONDS)[1] == {3}


def test_a_reading_has_a_limit() -> None:
    source = Source()
    source.open.clear()
    gathered = Gathered(source.read)
    first = ask(gathered, -1)
    assert source.began.acquire(timeout=DEADLINE_SECONDS)
    answers = [ask(gathered, number) for number in range(QUESTIONS_MAX + 5)]
    source.open.set()
    assert first.result(DEADLINE_SECONDS) == (1, {-1})
    assert all(number in answer.result(DEADLINE_SECONDS)[1] for number, answer in enumerate(answers))
    assert [len(asked) for asked in source.asked] == [1, QUESTIONS_MAX, 5]
