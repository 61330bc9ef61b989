"""Questions that come at the same time share a reading, and nobody gets one that began before it asked."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import Future

import pytest

from pix.rpc.batching_loader import QUESTIONS_ENOUGH, QUESTIONS_MAX, BatchingLoader, TurnBatchingLoader
from pix.rpc.turns import play
from pix.runtime.outages import ConnectionLost, DatabaseUnavailable

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


def ask(
    gathered: BatchingLoader[int, Answer] | TurnBatchingLoader[int, Answer], question: int | None
) -> Future[Answer]:
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
    assert ask(BatchingLoader(Source().read), 7).result(DEADLINE_SECONDS) == (1, {7})


def test_one_after_the_other_is_read_one_after_the_other() -> None:
    gathered = BatchingLoader(Source().read)
    assert [ask(gathered, number).result(DEADLINE_SECONDS) for number in (5, 5, 6)] == [(1, {5}), (2, {5}), (3, {6})]


def test_what_comes_during_a_reading_is_read_together_in_the_next() -> None:
    source = Source()
    source.open.clear()
    gathered = BatchingLoader(source.read)
    first = ask(gathered, 1)
    assert source.began.acquire(timeout=DEADLINE_SECONDS)
    later = [ask(gathered, number) for number in (2, 3, 2, None)]
    assert source.asked == [{1}], "the first is under way, and none of the others is in it"
    source.open.set()
    assert first.result(DEADLINE_SECONDS) == (1, {1})
    assert [answer.result(DEADLINE_SECONDS) for answer in later] == [(2, {2, 3})] * 4


def test_a_reading_that_fails_fails_for_those_who_were_in_it_alone() -> None:
    source = Source()
    gathered = BatchingLoader(source.read)
    source.fails = True
    for answer in (ask(gathered, 1), ask(gathered, 2)):
        with pytest.raises(OSError, match="reading"):
            answer.result(DEADLINE_SECONDS)
    source.fails = False
    assert ask(gathered, 3).result(DEADLINE_SECONDS)[1] == {3}


def test_a_reading_has_a_limit() -> None:
    source = Source()
    source.open.clear()
    gathered = BatchingLoader(source.read)
    first = ask(gathered, -1)
    assert source.began.acquire(timeout=DEADLINE_SECONDS)
    answers = [ask(gathered, number) for number in range(QUESTIONS_MAX + 5)]
    source.open.set()
    assert first.result(DEADLINE_SECONDS) == (1, {-1})
    assert all(number in answer.result(DEADLINE_SECONDS)[1] for number, answer in enumerate(answers))
    assert [len(asked) for asked in source.asked] == [1, QUESTIONS_MAX, 5]


class Slow:
    """A reading that the test ends."""

    def __init__(self, questions: Collection[int]) -> None:
        self.questions = set(questions)
        self.answer: Answer | None = None
        self.error: Exception | None = None

    def reading(self) -> Answer | None:
        """What the test has put there."""
        if self.error is not None:
            raise self.error
        return self.answer

    def wait(self, seconds: float) -> None:
        """Nobody waits here."""


class Between:
    """Readings that are begun, and the thread's errand on them; `elsewhere` is what another thread reads."""

    def __init__(self) -> None:
        self.begun: list[Slow] = []
        self.elsewhere = Source()
        self.has_connection = True
        self.fails_to_begin = False
        self.gathered: TurnBatchingLoader[int, Answer] = TurnBatchingLoader(self._begin, self.elsewhere.read)

    def _begin(self, questions: Collection[int]) -> Slow | None:
        if self.fails_to_begin:
            raise OSError("nothing can be begun")
        if not self.has_connection:
            return None
        self.begun.append(Slow(questions))
        return self.begun[-1]

    def ask(self, *questions: int | None) -> list[Future[Answer]]:
        """From a coroutine each."""
        return [ask(self.gathered, question) for question in questions]

    def end(self, number: int) -> Answer:
        """A reading has come to its end."""
        slow = self.begun[number]
        slow.answer = (number, slow.questions)
        return slow.answer


def test_an_idle_thread_begins_a_reading_at_once_and_answers_when_it_is_there() -> None:
    between = Between()
    asked = between.ask(7, 8, 7, None)
    assert between.gathered.go_on(is_idle=True), "something is awaited"
    assert [slow.questions for slow in between.begun] == [{7, 8}]
    assert between.gathered.go_on(is_idle=True)
    assert not any(answer.done() for answer in asked)
    answer = between.end(0)
    assert not between.gathered.go_on(is_idle=True), "nothing is awaited any more"
    assert [each.result(0) for each in asked] == [answer] * 4


def test_nothing_is_read_while_nobody_asks() -> None:
    between = Between()
    assert not between.gathered.go_on(is_idle=True)
    assert not between.begun


def test_a_busy_thread_begins_a_reading_when_it_is_worth_one() -> None:
    between = Between()
    between.ask(*range(QUESTIONS_ENOUGH - 1))
    assert not between.gathered.go_on(is_idle=False)
    between.ask(QUESTIONS_ENOUGH)
    assert between.gathered.go_on(is_idle=False)
    assert len(between.begun[0].questions) == QUESTIONS_ENOUGH


def test_nobody_gets_a_reading_that_began_before_he_asked() -> None:
    between = Between()
    [early] = between.ask(1)
    between.gathered.go_on(is_idle=True)
    [late] = between.ask(1)
    first = between.end(0)
    between.gathered.go_on(is_idle=False)
    assert early.result(0) == first
    assert not late.done()
    between.gathered.go_on(is_idle=True)
    second = between.end(1)
    between.gathered.go_on(is_idle=True)
    assert late.result(0) == second


def test_the_next_reading_is_under_way_before_the_last_one_is_handed_out() -> None:
    between = Between()
    [first] = between.ask(-1)
    under_way: list[int] = []
    first.add_done_callback(lambda _: under_way.append(len(between.begun)))
    between.gathered.go_on(is_idle=True)
    between.ask(*range(QUESTIONS_MAX + 5))
    between.end(0)
    assert between.gathered.go_on(is_idle=False)
    assert under_way == [2]
    assert [len(slow.questions) for slow in between.begun] == [1, QUESTIONS_MAX], "a reading has a limit"


@pytest.mark.parametrize("trouble", ["no connection", "none can be begun", "a lost connection"])
def test_what_cannot_be_read_without_a_wait_is_read_in_another_thread(trouble: str) -> None:
    between = Between()
    between.has_connection = trouble != "no connection"
    between.fails_to_begin = trouble == "none can be begun"
    between.elsewhere.open.clear()
    [first] = between.ask(1)
    between.gathered.go_on(is_idle=True)
    if trouble == "a lost connection":
        between.begun[0].error = ConnectionLost("cut")
        between.gathered.go_on(is_idle=True)
    assert not between.gathered.go_on(is_idle=True), "the thread itself awaits nothing"
    between.elsewhere.open.set()
    assert first.result(DEADLINE_SECONDS) == (1, {1})

    between.has_connection, between.fails_to_begin = True, False
    [second] = between.ask(2)
    between.gathered.go_on(is_idle=True)
    answer = between.end(-1)
    between.gathered.go_on(is_idle=True)
    assert second.result(0) == answer, "afterwards it reads by itself again"


def test_a_database_that_does_not_answer_is_told_to_those_who_were_in_the_reading_alone() -> None:
    between = Between()
    [asked] = between.ask(1)
    between.gathered.go_on(is_idle=True)
    [later] = between.ask(2)
    between.begun[0].error = DatabaseUnavailable("no answer")
    between.gathered.go_on(is_idle=True)
    with pytest.raises(DatabaseUnavailable):
        asked.result(0)
    answer = between.end(-1)
    between.gathered.go_on(is_idle=True)
    assert later.result(0) == answer
