"""Part (e): what the machine can do at most, with nothing of ours in between, on the servers of the same run.

Each limit is that of one server which has the machine to itself. No hub can be faster than the lower one of them, and
since the servers share the cores with each other, with the hub and with the banks, none can reach it.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import StringIO
from typing import Final

from lab.network.network import HUB_DATABASE, Network
from lab.network.parts.errors import PartError
from loadtest.bench.result import PartResult
from loadtest.bench.servers import connect_to, run_module
from loadtest.bench.stand_in import Tally

BATCH_ROWS: Final = 1_000
SAMPLE_ROWS_MAX: Final = 20_000
POSTGRES_WRITERS: Final = 2
"""One for each core of the machine that the figures are for."""
RECORDS_PER_TRANSFER: Final = 7
ROWS_PER_LIFE_CYCLE: Final = 3
"""Written: one new row, and two changes of it."""
RAW_TOPIC: Final = "codepix.bench.raw"
RAW_RECORDS_MAX: Final = 200_000

_TABLE: Final = "bench_transfers"
_CONTENT: Final = (
    "end_to_end_id, amount_centavos, payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked, "
    "payee_ispb, payee_branch, payee_account_number, payee_name, payee_tax_id_masked, key_kind, key, "
    "requested_tax_id_masked, description, requested_at_ms, received_at_ms, offered_at_ms, traceparent, "
    "resend_count, resends, duplicates, refusals, resend_at_ms"
)
_UPDATE: Final = (
    f"UPDATE {_TABLE} AS t SET status = v.status, decided_at_ms = v.at_ms, "  # noqa: S608 - constants of this module
    "payer_processed_at_ms = CASE WHEN v.status = 'completed' THEN v.at_ms END, "
    "payee_processed_at_ms = CASE WHEN v.status = 'completed' THEN v.at_ms END, "
    "closed_at_ms = CASE WHEN v.status = 'completed' THEN v.at_ms END, resend_at_ms = v.resend_at_ms, "
    "history = t.history || v.history, revision = t.revision + 1 "
    "FROM unnest(%s::text[], %s::integer[], %s::text[], %s::bigint[], %s::bigint[], %s::text[]) "
    "AS v(end_to_end_id, revision, status, at_ms, resend_at_ms, history) "
    "WHERE t.end_to_end_id = v.end_to_end_id AND t.revision = v.revision"
)
_STEP: Final = '"[1795000000000,\\"00000001\\",\\"acceptance\\",\\"\\",\\"confirmed\\",\\"\\",\\"\\"]\n"'
_FIRST_STEP: Final = '[1795000000000,"00000001","request","","pending","",""]\\n'


@dataclass(frozen=True, slots=True)
class Limits:
    """Life cycles of transfers a second."""

    postgres_per_second: float
    kafka_per_second: float

    @property
    def lower(self) -> tuple[float, str]:
        """The one that no hub can exceed, and what it is the limit of."""
        if self.postgres_per_second < self.kafka_per_second:
            return self.postgres_per_second, "PostgreSQL: the same bulk statements, nothing else"
        return self.kafka_per_second, "Apache Kafka: the same records produced and consumed, nothing else"


def measure_limits(network: Network, seconds: float, tally: Tally) -> tuple[Limits, PartResult]:
    """Measures both servers, one after the other, on the rows and with the sizes of a run that has just been."""
    postgres = _measure_postgres(network, seconds)
    kafka = _measure_kafka(network, seconds, tally)
    limits = Limits(postgres, kafka)
    rate, name = limits.lower
    result = PartResult(
        name="limits",
        title="the machine's own limit",
        audit_ok=True,
        per_second=rate,
        details={
            "name": name,
            "postgres_life_cycles_per_second": round(postgres, 1),
            "postgres_statements_per_life_cycle": "COPY of a row, two updates of it, in batches of 1,000",
            "kafka_life_cycles_per_second": round(kafka, 1),
            "kafka_records_per_life_cycle": RECORDS_PER_TRANSFER,
        },
    )
    return limits, result


def _measure_postgres(network: Network, seconds: float) -> float:
    """Life cycles a second by the statements that the hub writes them with: one COPY and two updates, all committed."""
    connection = connect_to(network.postgres.url(HUB_DATABASE))
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {_TABLE}")
            cursor.execute(f"CREATE TABLE {_TABLE} (LIKE transfers INCLUDING ALL) WITH (fillfactor = 60)")
            sample = StringIO()
            cursor.copy_expert(
                f"COPY (SELECT {_CONTENT} FROM transfers LIMIT {SAMPLE_ROWS_MAX}) TO STDOUT",  # noqa: S608 - constants
                sample,
            )
        rows = [line.split("\t", 1) for line in sample.getvalue().splitlines()]
        if not rows:
            raise PartError("there are no transfers to measure the limits with")
        stop_at = time.monotonic() + seconds
        done: list[int] = []
        writers = [
            threading.Thread(target=_write_life_cycles, args=(network, rows, number, stop_at, done))
            for number in range(POSTGRES_WRITERS)
        ]
        started = time.monotonic()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        elapsed = time.monotonic() - started
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {_TABLE}")
    finally:
        connection.close()
    return sum(done) / elapsed


def _write_life_cycles(network: Network, rows: list[list[str]], writer: int, stop_at: float, done: list[int]) -> None:
    connection = connect_to(network.postgres.url(HUB_DATABASE))
    batch = 0
    try:
        with connection.cursor() as cursor:
            while time.monotonic() < stop_at:
                batch += 1
                chosen = [rows[(batch * BATCH_ROWS + number) % len(rows)] for number in range(BATCH_ROWS)]
                # The ids of a batch are as new to the table as those of fresh transfers.
                ids = [f"{row[0][:21]}{writer}{batch:04d}{number:06d}" for number, row in enumerate(chosen)]
                lines = "\n".join(
                    f"{each}\t{row[1].rsplit(chr(9), 1)[0]}\t1795000000000\tpending\t{_FIRST_STEP}"
                    for each, row in zip(ids, chosen, strict=True)
                )
                cursor.copy_expert(f"COPY {_TABLE} ({_CONTENT}, status, history) FROM STDIN", StringIO(lines))
                for revision, (status, resend_at_ms, steps) in enumerate(
                    (("confirmed", "1795000000000", 1), ("completed", "NULL", 2))
                ):
                    values = [
                        _array(sorted(ids)),
                        _array([str(revision)] * BATCH_ROWS),
                        _array([status] * BATCH_ROWS),
                        _array(["1795000000000"] * BATCH_ROWS),
                        _array([resend_at_ms] * BATCH_ROWS),
                        _array([_STEP if steps == 1 else _STEP[:-1] + _STEP[1:]] * BATCH_ROWS),
                    ]
                    cursor.execute(_UPDATE, values)
                    if cursor.rowcount != BATCH_ROWS:
                        raise PartError(f"an update of the limits touched {cursor.rowcount} rows")
                done.append(BATCH_ROWS)
    finally:
        connection.close()


def _array(elements: list[str]) -> str:
    return "{" + ",".join(elements) + "}"


def _measure_kafka(network: Network, seconds: float, tally: Tally) -> float:
    """Life cycles a second by records alone: one process produces as many bytes as the run did, another consumes."""
    sizes = {
        "out": tally.bytes_out // max(1, 4 * tally.requested),
        "in": tally.bytes_in // max(1, 3 * tally.requested),
    }
    workload = {
        "bootstrap_servers": network.broker.bootstrap_servers,
        "topic": f"{RAW_TOPIC}.{time.time_ns()}",
        "value_bytes": [sizes["out"]] * 4 + [sizes["in"]] * 3,
        "seconds": seconds,
        "records_max": RAW_RECORDS_MAX * max(1, round(seconds)),
    }
    with ThreadPoolExecutor(2) as pool:
        roles = [pool.submit(run_module, "raw_kafka", role, json.dumps(workload)) for role in ("consume", "produce")]
        consumed, _ = [role.result() for role in roles]
    return float(consumed["records"]) / float(consumed["seconds"]) / RECORDS_PER_TRANSFER
