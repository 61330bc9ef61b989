"""`make simulate SEEDS=n START=s`: many runs, with progress and the rate; exit code 1 when one broke an invariant."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pix.participant.process import heed_interrupts
from tests.simulation.many import Tally, simulate_many
from tests.simulation.run import TRANSFERS_DEFAULT, simulate

SECONDS_BETWEEN_LINES = 30.0


def main() -> int:
    """The command's entry."""
    heed_interrupts()
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many runs")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--transfers", type=int, default=TRANSFERS_DEFAULT, help="transfers in a run")
    parser.add_argument("--trace", type=Path, help="run the first seed alone, and write its whole trace here")
    options = parser.parse_args()
    console = Console()
    if options.trace is not None:
        outcome = simulate(options.start, options.transfers)
        options.trace.write_text("\n".join(outcome.trace.lines) + "\n", encoding="utf-8")
        console.print(f"seed {outcome.seed}: {len(outcome.violations)} violations, trace in {options.trace}")
        return 1 if outcome.violations else 0
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("", total=options.seeds)

        told_at = time.monotonic()

        def show(tally: Tally) -> None:
            nonlocal told_at
            description = f"{tally.runs_per_second:.0f}/s, {len(tally.failed_seeds)} broken"
            progress.update(bar, completed=tally.runs, description=description)
            # A bar that goes to a file is drawn once, at the end.
            if not console.is_terminal and time.monotonic() - told_at > SECONDS_BETWEEN_LINES:
                told_at = time.monotonic()
                console.print(f"{tally.runs} of {options.seeds} runs, {description}", highlight=False)

        tally = simulate_many(range(options.start, options.start + options.seeds), options.transfers, show)
    console.print(tally.summary(), highlight=False)
    for failure in tally.failures:
        console.print(
            f"\n{failure}\nreplay: make simulate SEEDS=1 START={failure.split()[1].rstrip(':')}", markup=False
        )
    return 1 if tally.failed_seeds else 0


if __name__ == "__main__":
    sys.exit(main())
