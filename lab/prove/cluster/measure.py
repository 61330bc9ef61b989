"""Measures the CPU time of each part of a cluster while transfers become final."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from random import Random
from typing import Final

import psutil  # type: ignore[import-untyped]

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, good_payments
from lab.network.cluster.cluster import Cluster
from lab.network.cluster.hosts import Host
from lab.network.parts.errors import PartError
from lab.prove.cluster.cost import CostRun

QUIET_SECONDS_MAX: Final = 300.0
SENDERS: Final = 16
PARTS: Final[Mapping[str, str]] = {
    "hub": "hubs",
    "bank_sim": "banks",
    "kafka.Kafka": "kafka",
    "postgres": "database",
    "postgres:": "database",
    "patroni": "database",
    "etcd": "etcd",
}
"""By the program: of Python the module or script, of Java the class, of PostgreSQL's backends the title."""


def part_of(command: Sequence[str]) -> str | None:
    """The part that a process belongs to, by its command line; None for any other, such as the load's own."""
    if not command:
        return None
    arguments = list(command[1:])
    if "-m" in arguments[:-1]:
        programs = [arguments[arguments.index("-m") + 1]]
    else:
        title = command[0].split()[0]
        programs = [title.rsplit("/", 1)[-1], *(argument.rsplit("/", 1)[-1] for argument in arguments[:1]), *arguments]
    return next((PARTS[program] for program in programs if program in PARTS), None)


def cpu_seconds(hosts: Iterable[Host]) -> dict[str, float]:
    """User and system time of all processes on these hosts so far, by part."""
    seconds: Counter[str] = Counter(dict.fromkeys(PARTS.values(), 0.0))
    for host in hosts:
        for pid in host.pids():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                process = psutil.Process(pid)
                part = part_of(process.cmdline())
                if part is not None:
                    times = process.cpu_times()
                    seconds[part] += times.user + times.system
    return dict(seconds)


def measure(cluster: Cluster, transfers: int, name: str) -> CostRun:
    """Pays as fast as the banks answer, until all is final. `name` begins the idempotency keys.

    Raises PartError when transfers are not final within `QUIET_SECONDS_MAX`.
    """
    hosts = cluster.network.hosts
    payments = good_payments(Population.of(cluster.rest), transfers, Random(name), name)
    before, began = cpu_seconds(hosts), time.monotonic()
    with closing(PaymentDriver(cluster.rest, senders=SENDERS)) as driver:
        driver.send_all(payments)
    if not cluster.reader().wait_for_quiet(QUIET_SECONDS_MAX):
        raise PartError(f"Transfers were not final {QUIET_SECONDS_MAX:.0f} s after the last payment.")
    after = cpu_seconds(hosts)
    return CostRun(
        hubs=len(cluster.hubs),
        transfers=transfers,
        seconds=time.monotonic() - began,
        cpu_seconds={part: after[part] - before[part] for part in after},
    )
