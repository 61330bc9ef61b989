"""The benchmark's servers: Apache Kafka, PostgreSQL with fsync, and hubs, as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lab.network.network import HUB_DATABASE, KafkaKind, Network, NetworkSettings, bank_specs
from lab.network.parts.environment import inherited
from lab.network.parts.errors import PartError
from lab.network.parts.ports import LOOPBACK
from lab.network.run import Run, open_run
from loadtest.bench.directory import join_banks
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.topics import ensure_topics
from pix.postgres.limits import MAINTENANCE_LIMITS
from pix.postgres.plain_connection import connect_plainly
from pix.rpc.kinds import GrpcServerKind
from pix.runtime.addresses import join_host_port
from pix.wire.topics import HUB_TOPIC, bank_topic

BANKS: Final = 3
SETTLEMENT_FUNDS_CENTAVOS: Final = 10**14
"""More than any run can move."""
LOOK_UPS_MAX: Final = "1000000000"
RESEND_FIRST_SECONDS: Final = 30.0
"""Under full load answers take longer than on an idle network; resending them would only measure the resends."""

_PER_SECOND: Final = (
    "SELECT ((closed_at_ms - %(from)s) / 1000)::integer, count(*) FROM transfers "
    "WHERE closed_at_ms >= %(from)s AND closed_at_ms < %(to)s GROUP BY 1"
)
_CLOSED: Final = "SELECT count(*) FROM transfers WHERE closed_at_ms >= %s AND closed_at_ms < %s"


def bench_settings(folder: Path, **values: Any) -> NetworkSettings:
    """Apache Kafka, and banks that never run out of settlement money."""
    return NetworkSettings(
        folder=folder,
        banks=[replace(spec, settlement_funds_centavos=SETTLEMENT_FUNDS_CENTAVOS) for spec in bank_specs(BANKS)],
        kafka=KafkaKind.APACHE,
        resend_first_seconds=RESEND_FIRST_SECONDS,
        **values,
    )


@contextmanager
def open_hubs(
    folder: Path, hubs: int, grpc_server: GrpcServerKind = GrpcServerKind.CORE, *, batches: bool = True
) -> Iterator[Run]:
    """Hubs whose banks are played from outside; `folder` holds data and logs, and the caller removes it.

    With `batches` hubs and banks pack messages for the same partition into one record.
    """
    # The limit on look-ups is per bank, and three banks ask here as all of a country's would.
    look_ups = {"LOOK_UP_BUCKET": LOOK_UPS_MAX, "LOOK_UPS_PER_MINUTE": LOOK_UPS_MAX}
    environment = {"LOG_LEVEL": "WARNING", "GRPC_SERVER": grpc_server.value, **packing(batches), **look_ups}
    settings = bench_settings(folder, hubs=hubs, starts_banks=False, extra_environment=environment)
    with open_run(settings, lambda _: None) as run:
        # Before a consumer subscribes, since one that asked for a missing topic notices it much too late.
        ensure_topics(
            KafkaSettings(bootstrap_servers=run.network.broker.bootstrap_servers, client_id="codepix-bench"),
            [HUB_TOPIC, *(bank_topic(bank.code) for bank in run.network.banks)],
        )
        join_banks(grpc_addresses(run.network)[0], run.network.banks)
        yield run


def packing(batches: bool) -> dict[str, str]:
    """The environment of a participant that packs messages, or does not."""
    return {"MESSAGE_BATCHES": str(batches).lower()}


def grpc_addresses(network: Network) -> list[str]:
    return [join_host_port(LOOPBACK, port) for port in network.grpc_ports]


def processes_of(network: Network) -> dict[str, int]:
    """The process ids of what is measured, by name."""
    services = {service.name: service.pid for service in network.services}
    return {**services, "kafka": network.broker.pid, "postgres": network.postgres.pid}


def connect_to(url: str) -> Any:
    """A psycopg2 connection in autocommit, for statements that may read whole tables."""
    return connect_plainly(url, MAINTENANCE_LIMITS)


def query(network: Network, statement: str, values: Any = None, database: str = HUB_DATABASE) -> list[tuple[Any, ...]]:
    """The rows of a statement on the hub's database, or on a bank's."""
    with closing(connect_to(network.postgres.url(database))) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def closed_transfers(network: Network, from_ms: int, to_ms: int) -> int:
    return int(query(network, _CLOSED, (from_ms, to_ms))[0][0])


def closed_in_each_second(network: Network, from_ms: int, to_ms: int) -> list[int]:
    done = dict(query(network, _PER_SECOND, {"from": from_ms, "to": to_ms}))
    return [done.get(second, 0) for second in range(max(done, default=-1) + 1)]


def run_module(module: str, *arguments: str) -> Mapping[str, Any]:
    """Runs a program of the benchmark to its end; returns the JSON that it prints. Raises `PartError`."""
    finished = subprocess.run(
        [sys.executable, "-P", "-m", f"loadtest.bench.{module}", *arguments],
        env=inherited(),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise PartError(f"loadtest.bench.{module} failed: {finished.stderr[-2000:]}")
    printed: Mapping[str, Any] = json.loads(finished.stdout)
    return printed
