"""Part (c): look-ups and registrations of keys by gRPC, so many calls in flight, each timed by its caller."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import grpc

from lab.network.network import Network
from lab.network.parts.errors import PartError
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import ChildProcesses, wait_until
from loadtest.bench.callers import CallWorkload
from loadtest.bench.directory import register_payees
from loadtest.bench.processes import CpuMeter
from loadtest.bench.result import PartResult
from loadtest.bench.servers import grpc_addresses, processes_of, query, run_module
from pix.rpc.client import open_channel
from pix.rpc.core import READS_WHERE_EVENTS_ARE_AWAITED
from pix.runtime.addresses import join_host_port

KEYS: Final = 1_000
IN_FLIGHT: Final = 32
WARM_UP_SECONDS: Final = 1.0
READY_SECONDS: Final = 15.0
EMPTY_LIMIT: Final = "gRPC: an empty call of the same kind of server, nothing else"

_COUNT: Final = "SELECT count(*), count(DISTINCT (key, kind)) FROM pix_keys"


def measure_keys(network: Network, seconds: float, run: int) -> list[PartResult]:
    addresses = grpc_addresses(network)
    banks = [{"ispb": bank.ispb, "secret": bank.secret} for bank in network.banks]
    keys = [str(payee["key"]) for payee in register_payees(addresses[0], network.banks, KEYS)]
    empty = _measure_empty(network.folder, seconds)
    results = []
    for name, call, title in (
        ("keys", "find", "look-ups of keys"),
        ("registrations", "register", "registrations of keys"),
    ):
        before = _count_keys(network)
        workload = CallWorkload(addresses, call, banks, keys, IN_FLIGHT, WARM_UP_SECONDS, seconds, run)
        with CpuMeter(processes_of(network)) as meter:
            figures = _call(workload)
        findings = (
            [f"{figures['errors']} calls failed, the first: {figures['first_error']}"] if figures["errors"] else []
        )
        added = _count_keys(network) - before
        if call == "find" and added:
            findings.append(f"{added} keys appeared while keys were only looked up")
        if call == "register" and added < figures["calls"]:
            findings.append(f"{figures['calls']} registrations were answered, and only {added} keys were added")
        results.append(
            PartResult(
                name=name,
                title=title,
                audit_ok=not findings,
                per_second=figures["per_second"],
                limit_per_second=empty["per_second"],
                limit_name=EMPTY_LIMIT,
                p50_ms=figures["p50_ms"],
                p95_ms=figures["p95_ms"],
                p99_ms=figures["p99_ms"],
                findings=findings,
                details={
                    "hubs": len(network.hubs),
                    "in_flight": IN_FLIGHT,
                    "calls": figures["calls"],
                    "cpu_seconds": {name: round(used, 2) for name, used in meter.cpu_seconds.items()},
                    "empty_call_p50_ms": empty["p50_ms"],
                    "empty_call_p99_ms": empty["p99_ms"],
                },
            )
        )
    return results


def _count_keys(network: Network) -> int:
    rows, distinct = query(network, _COUNT)[0]
    if rows != distinct:
        raise PartError("a key has two owners")
    return int(rows)


def _measure_empty(folder: Path, seconds: float) -> Mapping[str, Any]:
    port = free_port()
    address = join_host_port(LOOPBACK, port)
    command = [sys.executable, "-P", "-m", "loadtest.bench.empty_server", str(port)]
    with ChildProcesses(folder / "logs") as children:
        server = children.start_child("empty-server", command, READS_WHERE_EVENTS_ARE_AWAITED)
        wait_until(lambda: _answers(address), READY_SECONDS, "the empty gRPC server to answer", children=[server])
        return _call(CallWorkload([address], "empty", [], [], IN_FLIGHT, WARM_UP_SECONDS, seconds, 0))


def _answers(address: str) -> bool:
    with open_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=0.5)
        except grpc.FutureTimeoutError:
            return False
    return True


def _call(workload: CallWorkload) -> Mapping[str, Any]:
    return run_module("callers", json.dumps(asdict(workload)))
