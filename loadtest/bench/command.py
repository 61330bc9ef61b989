"""`codepix bench`: runs the parts that are asked for on fresh servers, and says what came out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from lab.network.parts.apache_kafka import fetch_jars
from loadtest.bench.history import add_history
from loadtest.bench.hub_part import HubRun, measure_hub
from loadtest.bench.keys_part import measure_keys
from loadtest.bench.limits import Limits, measure_limits
from loadtest.bench.machine import describe_machine
from loadtest.bench.network_part import measure_latency, measure_network
from loadtest.bench.result import PartResult
from loadtest.bench.stage import Stage

LIMIT_SECONDS_MAX: Final = 10.0
SEED_SECONDS: Final = 1.0
"""How long the hub is driven for the rows on which the limits are measured; its figures are thrown away."""


class Part(StrEnum):
    """What can be measured."""

    HUB = "hub"
    NETWORK = "network"
    KEYS = "keys"
    LATENCY = "latency"


def parts_of(names: str) -> list[Part]:
    """The parts that are named, separated by commas, in the order of measuring. Raises ValueError for another name."""
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = wanted - set(Part)
    if unknown or not wanted:
        raise ValueError(f"{', '.join(sorted(unknown)) or 'nothing'} is no part; there are {', '.join(Part)}")
    return [part for part in Part if part in wanted]


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What to measure, and for how long each."""

    parts: Sequence[Part] = tuple(Part)
    seconds: float = 60.0
    hubs: int = 1
    """Replicas of the hub in the parts that have no banks."""
    history: int = 0
    """Finished transfers that are in the hub's tables before its part begins."""


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The machine and the parts, in the order in which they were measured."""

    machine: dict[str, Any]
    parts: Sequence[PartResult]

    @property
    def is_ok(self) -> bool:
        """Whether every audit is green."""
        return all(part.audit_ok for part in self.parts)

    def document(self) -> dict[str, Any]:
        """An object per part, and the machine."""
        return {"machine": self.machine, **{part.name: part.document() for part in self.parts}}


def run_bench(options: BenchOptions, tell: Callable[[str], None] = lambda _: None) -> BenchResult:
    """Measures. Raises `PartError` when a part of the stage fails."""
    tell("Looking for Apache Kafka (fetched once, 45 MB)")
    fetch_jars()
    results: list[PartResult] = []
    machine: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="codepix-bench-") as folder:
        tell("Starting PostgreSQL and Apache Kafka")
        with Stage(Path(folder) / "stage") as stage:
            machine = describe_machine(stage.postgres_version())
            limits = _measure_stage(stage, options, results, tell)
        if Part.NETWORK in options.parts:
            tell("Measuring the network")
            results.append(measure_network(Path(folder) / "network", options.seconds, limits, tell))
        if Part.LATENCY in options.parts:
            tell("Measuring latency")
            results += measure_latency(Path(folder) / "latency", options.seconds, tell)
    return BenchResult(machine, results)


def _measure_stage(
    stage: Stage, options: BenchOptions, results: list[PartResult], tell: Callable[[str], None]
) -> Limits | None:
    """The parts that need no banks: limits, hub and keys."""
    limits: Limits | None = None
    stage.start_hub()
    if Part.HUB in options.parts or Part.NETWORK in options.parts:
        tell("Measuring the machine's own limits")
        seed = _seed(stage)
        limits, result = measure_limits(stage, min(options.seconds, LIMIT_SECONDS_MAX), seed.tally)
        results.append(result)
    if Part.HUB in options.parts:
        _start_hubs(stage, options.hubs)
        if options.history:
            add_history(stage, options.history, tell)
        tell("Measuring the hub")
        rate, name = (None, "") if limits is None else limits.lower
        results.append(measure_hub(stage, options.seconds, 1, rate, name).result)
    if Part.KEYS in options.parts:
        _start_hubs(stage, options.hubs)
        tell("Measuring the directory of keys")
        results += measure_keys(stage, min(options.seconds, LIMIT_SECONDS_MAX), 1)
    return limits


def _start_hubs(stage: Stage, count: int) -> None:
    while len(stage.hubs) < count:
        stage.start_hub()


def _seed(stage: Stage) -> HubRun:
    return measure_hub(stage, SEED_SECONDS, 0, None, "")
