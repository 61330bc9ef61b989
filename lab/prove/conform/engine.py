"""Runs the cases on a bank: most at the same time, those around a restart together, some alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from typing import Final

from lab.prove.conform.case import NEEDS, Case, Profile, Restart, Stage
from lab.prove.conform.course import CourseExaminer
from lab.prove.conform.evidence import Evidence
from lab.prove.conform.examined import StartedBank
from lab.prove.conform.examiner import Examiner
from lab.prove.conform.verdict import CannotExamine, Examination, Failed, NotExamined, Result, Verdict
from pix.runtime.logs import logger

AT_ONCE: Final = 12
"""Cases mostly wait for the bank; so many keep it busy, and leave each an answer in time."""

log = logger(__name__)

AnyExaminer = Examiner | CourseExaminer
Note = Callable[[Result], None]
Running = Generator[Restart, None, None]


def examine(examiner: AnyExaminer, cases: Sequence[Case], profile: Profile, note: Note = lambda _: None) -> Examination:
    """Runs the cases; `note` is given each result as it comes. Raises `CannotExamine`."""
    began = time.monotonic()
    examination = Examination(
        bank=examiner.options.bank,
        code=examiner.own.code,
        name=examiner.own.name,
        profile=profile,
        features=examiner.features,
        seed=examiner.options.seed,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    results: dict[str, Result] = {}

    def keep(result: Result) -> None:
        results[result.case.id] = result
        note(result)

    ready = []
    for case in cases:
        missing = [need for need in case.needs if need not in examiner.has]
        if missing:
            why = "needs " + ", ".join(NEEDS[need] for need in missing)
            keep(Result(case, Verdict.NOT_EXAMINED, why))
        else:
            ready.append(case)
    by_stage = {stage: [case for case in ready if case.stage is stage] for stage in Stage}
    _run_together(examiner, by_stage[Stage.TOGETHER], keep)
    try:
        _run_around_restart(examiner, by_stage[Stage.RESTART], keep)
        for case in (*by_stage[Stage.ALONE], *by_stage[Stage.NETWORK]):
            examiner.examined.check_alive()
            keep(run_case(examiner, case))
    except BankLost:
        for case in cases:
            if case.id not in results:
                keep(Result(case, Verdict.NOT_EXAMINED, "the bank does not run any more"))
    examination.results = [results[case.id] for case in cases]
    examination.seconds = time.monotonic() - began
    return examination


def _run_together(examiner: AnyExaminer, cases: Iterable[Case], keep: Note) -> None:
    first_slow = sorted(cases, key=lambda case: not case.slow)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="conform") as pool:
        futures = [pool.submit(run_case, examiner, case) for case in first_slow]
        try:
            for future in as_completed(futures):
                keep(future.result())
                examiner.examined.check_alive()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def run_case(examiner: AnyExaminer, case: Case) -> Result:
    """One case that needs no restart."""
    play = _Play(examiner, case)
    play.step()
    return play.result()


def _run_around_restart(examiner: AnyExaminer, cases: Sequence[Case], keep: Note) -> None:
    """All cases up to their first pause, one kill, all up to the next, one start, and the rest."""
    bank = examiner.examined
    if not cases or not isinstance(bank, StartedBank):
        return
    plays = [_Play(examiner, case) for case in cases]
    why_down = ""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="conform") as pool:
        list(pool.map(_Play.step, plays))
        bank.kill()
        list(pool.map(lambda play: play.step(Restart.DOWN), plays))
        try:
            bank.start()
        except CannotExamine as error:
            why_down = f"The bank does not start again after SIGKILL: {error}"
        for play in plays if why_down else ():
            play.fail(why_down)
        list(pool.map(lambda play: play.step(Restart.UP), plays))
    for play in plays:
        keep(play.result())
    if why_down:
        raise BankLost(why_down)


class BankLost(Exception):
    """The bank cannot be started any more: what is left of the examination is not examined."""


class _Play:
    """A case while it runs, in one or several steps."""

    def __init__(self, examiner: AnyExaminer, case: Case) -> None:
        self._case = case
        self._examiner = examiner
        self._evidence = Evidence()
        self._bench = examiner.bench(self._evidence)
        self._running: Running | None = None
        self._awaited: Restart | None = None
        """What the case is waiting for."""
        self._end: tuple[Verdict, str] | None = None
        self._began = time.monotonic()

    def step(self, happened: Restart | None = None) -> None:
        """Goes on until the case pauses or ends. A case that waits for something else does nothing."""
        if self._end is not None or self._awaited is not happened:
            return
        if happened is not None:
            self._evidence.note("The bank was killed." if happened is Restart.DOWN else "The bank was started again.")
        try:
            if self._running is None:
                self._running = self._case.run(self._bench)
                if self._running is None:
                    self._end = (Verdict.PASSED, "")
                    return
            self._awaited = next(self._running)
        except StopIteration:
            self._end = (Verdict.PASSED, "")
        except Failed as error:
            self._end = (Verdict.FAILED, self._with_end_of_process(str(error)))
        except NotExamined as error:
            self._end = (Verdict.NOT_EXAMINED, str(error))
        except CannotExamine:
            raise
        except Exception as error:
            # A fault of the examiner's must not pass for one of the bank's, nor end the examination.
            log.exception("a case cannot be played", case=self._case.id)
            self._end = (Verdict.FAILED, f"The examiner failed: {type(error).__name__}: {error}")

    def fail(self, why: str) -> None:
        """Ends a case that is waiting for a bank that does not come back."""
        self._end = self._end or (Verdict.FAILED, why)

    def _with_end_of_process(self, why: str) -> str:
        bank = self._examiner.examined
        ended = bank.why_ended() if isinstance(bank, StartedBank) else ""
        return f"{why} ({ended})" if ended else why

    def result(self) -> Result:
        """After the last step."""
        try:
            self._bench.conclude()
        except Failed as error:
            self._end = self._end or (Verdict.FAILED, str(error))
        verdict, why = self._end or (Verdict.FAILED, "The examiner failed: the case has not come to its end.")
        return Result(
            self._case,
            verdict,
            why,
            self._evidence.entries(),
            time.monotonic() - self._began,
            self._bench.money_left_out,
        )
