"""Many runs on every core, with the sums of what they showed."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from tests.simulation.run import TRANSFERS_DEFAULT, Outcome, simulate

SEEDS_PER_TASK = 8
FAILURES_SHOWN_MAX = 3


@dataclass(slots=True)
class Tally:
    """What many runs showed."""

    runs: int = 0
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    returns: Counter[str] = field(default_factory=Counter)
    charges: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    published: int = 0
    resends: int = 0
    duplicates: int = 0
    virtual_hours: float = 0.0
    failures: list[str] = field(default_factory=list)
    """The explanations of the first runs that broke an invariant."""
    failed_seeds: list[int] = field(default_factory=list)

    @property
    def runs_per_second(self) -> float:
        """The rate."""
        return self.runs / self.seconds if self.seconds else 0.0

    def add(self, outcome: Outcome) -> None:
        """Counts a run."""
        self.runs += 1
        self.statuses.update(outcome.statuses)
        self.returns.update(outcome.returns)
        self.charges.update(outcome.charges)
        self.crashes.update(outcome.crashes)
        self.published += outcome.published
        self.resends += outcome.resends
        self.duplicates += outcome.duplicates
        self.virtual_hours += outcome.virtual_ms / 3_600_000
        if outcome.violations:
            self.failed_seeds.append(outcome.seed)
            if len(self.failures) < FAILURES_SHOWN_MAX:
                self.failures.append(outcome.explanation())

    def summary(self) -> str:
        """In lines for people."""
        transfers = sum(self.statuses.values())
        return "\n".join(
            (
                f"{self.runs} runs in {self.seconds:.1f} s: {self.runs_per_second:.1f} runs a second",
                f"{transfers} transfers reached the hub: "
                + ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items())),
                f"{sum(self.returns.values())} returns reached the hub: "
                + ", ".join(f"{count} {status}" for status, count in sorted(self.returns.items())),
                f"{sum(self.charges.values())} charges: "
                + ", ".join(f"{count} {status}" for status, count in sorted(self.charges.items())),
                f"{self.published} messages sent; at the hub {self.resends} resends, {self.duplicates} duplicates",
                f"{sum(self.crashes.values())} crashes: "
                + ", ".join(f"{count} {point}" for point, count in sorted(self.crashes.items())),
                f"{self.virtual_hours:.0f} hours of virtual time",
                f"{len(self.failed_seeds)} runs broke an invariant"
                + (f": seeds {self.failed_seeds[:20]}" if self.failed_seeds else ""),
            )
        )


def simulate_many(
    seeds: Iterable[int],
    transfers: int = TRANSFERS_DEFAULT,
    progress: Callable[[Tally], None] | None = None,
    processes: int | None = None,
) -> Tally:
    """Runs each seed, in `processes` processes: None stands for as many as there are cores."""
    tally = Tally()
    began = time.monotonic()
    tasks = [(seed, transfers) for seed in seeds]
    # Fresh interpreters: a process that was forked amid threads may hang.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count(), initializer=_get_ready) as pool:
        for outcome in pool.imap_unordered(_simulate, tasks, chunksize=SEEDS_PER_TASK):
            tally.add(outcome)
            tally.seconds = time.monotonic() - began
            if progress is not None:
                progress(tally)
    return tally


def _simulate(task: tuple[int, int]) -> Outcome:
    seed, transfers = task
    outcome = simulate(seed, transfers)
    if not outcome.violations:
        outcome.trace.lines.clear()
    return outcome


def _get_ready() -> None:
    """What was imported stays; looking through it for garbage after every few hundred messages is in vain."""
    be_quiet()
    gc.freeze()


def be_quiet() -> None:
    """The application logs its warnings; thousands of runs on purpose full of faults would print nothing else."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
