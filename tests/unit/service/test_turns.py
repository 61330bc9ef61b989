"""Coroutines without an event loop: what they wait for, how they end, and that nothing of them stays."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar

import pytest

from pix.rpc.turns import RunOn, play, wait_for

DEADLINE_SECONDS = 10


class Word:
    """Is there when somebody else says it."""

    def __init__(self) -> None:
        self._run_on: RunOn | None = None

    def begin(self, run_on: RunOn) -> None:
        """Waits."""
        self._run_on = run_on

    def say(self, word: str = "", error: Exception | None = None) -> None:
        """It is there, or never will be."""
        assert self._run_on is not None, "nobody waits"
        self._run_on(word, error)


class Known:
    """Is there at once."""

    def begin(self, run_on: RunOn) -> None:
        """No wait."""
        run_on("known", None)


def played(act: Callable[[], Awaitable[str]]) -> Future[str]:
    """How it ends."""
    end: Future[str] = Future()

    async def acting() -> str:
        return await act()

    def done(result: str, error: Exception | None) -> None:
        if error is None:
            end.set_result(result)
        else:
            end.set_exception(error)

    play(acting(), done)
    return end


def test_what_was_waited_for_comes_from_whichever_thread_has_it() -> None:
    first, second = Word(), Word()

    async def act() -> str:
        return f"{await wait_for(first)} {await wait_for(Known())} {await wait_for(second)}"

    end = played(act)
    first.say("one")
    assert not end.done()
    other = threading.Thread(target=second.say, args=("two",))
    other.start()
    assert end.result(DEADLINE_SECONDS) == "one known two"
    other.join()


def test_an_error_is_raised_where_it_was_waited_for() -> None:
    word = Word()

    async def act() -> str:
        try:
            return str(await wait_for(word))
        except OSError as error:
            return f"{error}, and went on to {await wait_for(Known())}"

    end = played(act)
    word.say(error=OSError("no word"))
    assert end.result(DEADLINE_SECONDS) == "no word, and went on to known"


def test_what_it_does_not_catch_is_how_it_ends() -> None:
    word = Word()

    async def act() -> str:
        return str(await wait_for(word))

    end = played(act)
    word.say(error=OSError("no word"))
    with pytest.raises(OSError, match="no word"):
        end.result(DEADLINE_SECONDS)


def test_each_has_a_context_of_its_own_wherever_it_runs_on() -> None:
    caller: ContextVar[str] = ContextVar("caller", default="nobody")
    words = {name: Word() for name in ("Ana", "Bia")}

    def acting_as(name: str) -> Callable[[], Awaitable[str]]:
        async def act() -> str:
            token = caller.set(name)
            await wait_for(words[name])
            found = caller.get()
            caller.reset(token)
            return found

        return act

    ends = {name: played(acting_as(name)) for name in words}
    assert caller.get() == "nobody"
    for name in words:
        words[name].say()
    assert {name: end.result(DEADLINE_SECONDS) for name, end in ends.items()} == {"Ana": "Ana", "Bia": "Bia"}


def test_what_has_ended_is_gone_without_the_collector() -> None:
    class Held:
        pass

    seen: list[weakref.ref[Held]] = []

    async def act() -> str:
        held = Held()
        seen.append(weakref.ref(held))
        return str(await wait_for(Known()))

    gc.disable()
    try:
        assert played(act).result(DEADLINE_SECONDS) == "known"
        assert seen[0]() is None
    finally:
        gc.enable()
