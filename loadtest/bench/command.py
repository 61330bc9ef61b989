"""`codepix bench`: runs the parts that are asked for on fresh servers, and says what came out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from lab.network.parts.apache_kafka import fetch_jars
from lab.network.run import Run
from loadtest.bench.history import add_history
from loadtest.bench.hub_part import measure_hub
from loadtest.bench.keys_part import measure_keys
from loadtest.bench.limits import Limits, measure_limits
from loadtest.bench.machine import describe_machine
from loadtest.bench.network_part import measure_latency, measure_network
from loadtest.bench.result import PartResult
from loadtest.bench.servers import open_hubs, query
from pix.rpc.kinds import GrpcServerKind

LIMIT_SECONDS_MAX: Final = 10.0
SEED_SECONDS: Final = 1.0
"""The hub is driven so long for the rows on which the limits are measured; its figures are thrown away."""


class Part(StrEnum):
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
    parts: Sequence[Part] = tuple(Part)
    seconds: float = 60.0
    hubs: int = 1
    """Replicas of the hub in the parts that have no banks."""
    history: int = 0
    """Finished transfers that are in the hub's tables before its part begins."""
    grpc_server: GrpcServerKind = GrpcServerKind.CORE
    """Of the hubs in the parts that have no banks."""
    batches: bool = True
    """Whether hubs and banks pack messages for the same partition into one record."""


@dataclass(frozen=True, slots=True)
class BenchResult:
    machine: dict[str, Any]
    parts: Sequence[PartResult]

    @property
    def is_ok(self) -> bool:
        return all(part.audit_ok for part in self.parts)

    def document(self) -> dict[str, Any]:
        return {"machine": self.machine, **{part.name: part.document() for part in self.parts}}


def run_bench(options: BenchOptions, progress: Callable[[str], None] = lambda _: None) -> BenchResult:
    """Measures. Raises `PartError` when a server fails."""
    progress("Looking for Apache Kafka (fetched once, 45 MB)")
    fetch_jars()
    results: list[PartResult] = []
    machine: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="codepix-bench-") as folder:
        progress("Starting PostgreSQL and Apache Kafka")
        with open_hubs(Path(folder) / "stage", options.hubs, options.grpc_server, batches=options.batches) as run:
            machine = describe_machine(query(run.network, "SHOW server_version")[0][0])
            limits = _measure_without_banks(run, options, results, progress)
        if Part.NETWORK in options.parts:
            progress("Measuring the network")
            results.append(
                measure_network(Path(folder) / "network", options.seconds, limits, progress, batches=options.batches)
            )
        if Part.LATENCY in options.parts:
            progress("Measuring latency")
            results += measure_latency(Path(folder) / "latency", options.seconds, progress, batches=options.batches)
    return BenchResult(machine, results)


def _measure_without_banks(
    run: Run, options: BenchOptions, results: list[PartResult], progress: Callable[[str], None]
) -> Limits | None:
    """The parts that need no banks: limits, hub and keys."""
    limits: Limits | None = None
    if Part.HUB in options.parts or Part.NETWORK in options.parts:
        progress("Measuring the machine's own limits")
        _, seed = measure_hub(run, SEED_SECONDS, 0, None, "", batches=options.batches)
        limits, result = measure_limits(run.network, min(options.seconds, LIMIT_SECONDS_MAX), seed)
        results.append(result)
    if Part.HUB in options.parts:
        if options.history:
            add_history(run.network, options.history, progress)
        progress("Measuring the hub")
        rate, name = (None, "") if limits is None else limits.lower
        results.append(measure_hub(run, options.seconds, 1, rate, name, batches=options.batches)[0])
    if Part.KEYS in options.parts:
        progress("Measuring the directory of keys")
        results += measure_keys(run.network, min(options.seconds, LIMIT_SECONDS_MAX), 1)
    return limits
