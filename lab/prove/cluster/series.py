"""Several trials on one cluster, or measurements of what a transfer costs on clusters with one, two and three hubs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from lab.network.cluster.cluster import HUBS_DEFAULT, HUBS_MAX, Cluster, ClusterSettings
from lab.network.cluster.links import Link
from lab.network.folder import keep_logs, network_folder
from lab.prove.cluster.cost import CostLine, CostRun, fit
from lab.prove.cluster.measure import measure
from lab.prove.cluster.trial import TrialOptions, TrialResult, run_trial, summary_document, trial_document

WARM_UP_TRANSFERS: Final = 300
"""A fresh JVM compiles for a minute: what it costs then is not what it costs later."""
COST_RUNS: Final = 4
"""For each number of hubs: half of them are fitted, half are checked."""


@dataclass(frozen=True, slots=True)
class SeriesOptions:
    seeds: Sequence[int]
    trial: TrialOptions
    """Of each seed."""
    hubs: int = HUBS_DEFAULT
    link: Link = field(default_factory=Link)
    older_source: Path | None = None
    """Of the version that an upgrade begins with."""
    keep: Path | None = None
    """Where data and logs stay; None: nowhere, but for the logs of a run in which something broke."""


@dataclass(frozen=True, slots=True)
class SeriesResult:
    options: SeriesOptions
    trials: Sequence[TrialResult]
    up_seconds: float
    seconds: float

    @property
    def is_ok(self) -> bool:
        return all(trial.is_ok for trial in self.trials)


def run_series(
    options: SeriesOptions, progress: Callable[[str], None], show: Callable[[TrialResult], None]
) -> SeriesResult:
    """Plays the trials of all seeds on one cluster, and gives each result to `show`. Raises PartError."""
    started = time.monotonic()
    trials = []
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        settings = ClusterSettings(
            folder=folder,
            hubs=options.hubs,
            link=options.link,
            seed=options.seeds[0],
            older_source=options.older_source,
        )
        cluster = stack.enter_context(Cluster(settings, progress))
        up_seconds = time.monotonic() - started
        for seed in options.seeds:
            trials.append(run_trial(cluster, replace(options.trial, seed=seed), progress))
            show(trials[-1])
        if not all(trial.is_ok for trial in trials) and options.keep is None:
            progress(f"The logs of all parts are kept in {keep_logs(folder)}")
        progress("Stopping")
    return SeriesResult(options, trials, up_seconds, time.monotonic() - started)


def series_document(result: SeriesResult) -> dict[str, Any]:
    return {
        "ok": result.is_ok,
        "hubs": result.options.hubs,
        "link": asdict(result.options.link),
        "seeds": [trial_document(trial) for trial in result.trials],
        "kinds": summary_document(result.trials),
        "network_up_seconds": round(result.up_seconds, 2),
        "seconds": round(result.seconds, 2),
    }


@dataclass(frozen=True, slots=True)
class CostResult:
    runs: Sequence[CostRun]
    lines: Sequence[CostLine]


def measure_cost(transfers: int, link: Link, seed: int, progress: Callable[[str], None]) -> CostResult:
    """Measures `COST_RUNS` times with each number of hubs, each number on a fresh cluster. Raises PartError."""
    runs = []
    for hubs in range(1, HUBS_MAX + 1):
        with network_folder(None) as folder:
            settings = ClusterSettings(folder=folder, hubs=hubs, link=link, seed=seed)
            with Cluster(settings, progress) as cluster:
                progress(f"Warming up with {WARM_UP_TRANSFERS} payments")
                measure(cluster, WARM_UP_TRANSFERS, f"warm-up-{seed}")
                for number in range(1, COST_RUNS + 1):
                    progress(f"Measuring {transfers} payments with {hubs} hub(s), {number} of {COST_RUNS}")
                    runs.append(measure(cluster, transfers, f"cost-{seed}-{hubs}-{number}"))
    return CostResult(runs, fit(runs))


def cost_document(result: CostResult) -> dict[str, Any]:
    return {
        "runs": [
            {
                "hubs": run.hubs,
                "transfers": run.transfers,
                "seconds": round(run.seconds, 2),
                "microseconds": {part: round(run.microseconds(part)) for part in run.cpu_seconds},
            }
            for run in result.runs
        ],
        "model": [asdict(line) for line in result.lines],
    }


def cost_table(result: CostResult) -> Table:
    """One line a part: what a transfer costs with each number of hubs, and how far the model is from the runs."""
    numbers = range(1, HUBS_MAX + 1)
    table = Table("part", *(f"{hubs} hub(s)" for hubs in numbers), "a hub more", "error", "largest error")
    table.title = "CPU time of a transfer, in µs, by the model"
    table.title_justify = "left"
    for line in result.lines:
        table.add_row(
            line.part,
            *(f"{line.predict(hubs):.0f}" for hubs in numbers),
            f"{line.slope_microseconds:+.0f}",
            f"{line.error_median:.0%}",
            f"{line.error_longest:.0%}",
        )
    return table
