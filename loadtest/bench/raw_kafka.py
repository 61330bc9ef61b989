"""Kafka's own limit: `python -m loadtest.bench.raw_kafka produce|consume SCRIPT` moves ready-made bytes, no more."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from pix.messaging.kafka.sink import BATCH_BYTES_SENT_MAX
from pix.wire.record import HEADER_SENDER, HEADER_SIGNATURE, HEADER_TYPE

CONSUME_MAX: Final = 10_000
POLL_SECONDS: Final = 0.1
IDLE_SECONDS_MAX: Final = 3.0
FIRST_RECORD_SECONDS_MAX: Final = 30.0
QUEUE_MAX: Final = 100_000
POLL_EVERY: Final = 1_000
HEADERS: Final[list[tuple[str, str | bytes | None]]] = [
    (HEADER_TYPE, b"TransferConfirmed"),
    (HEADER_SENDER, b"00000001"),
    (HEADER_SIGNATURE, b"s" * 32),
]


def produce(workload: dict[str, Any]) -> dict[str, Any]:
    """Produces for as long as it is told, acknowledged by all, and waits for the acknowledgements."""
    producer = Producer(
        {
            "bootstrap.servers": workload["bootstrap_servers"],
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "batch.size": BATCH_BYTES_SENT_MAX,
            "queue.buffering.max.messages": QUEUE_MAX,
            "delivery.report.only.error": True,
            "log_level": 2,
        }
    )
    values = [b"v" * size for size in workload["value_bytes"]]
    started = time.monotonic()
    stop_at = started + workload["seconds"]
    produced = 0
    while produced < workload["records_max"] and (produced % POLL_EVERY or time.monotonic() < stop_at):
        try:
            producer.produce(workload["topic"], values[produced % len(values)], f"E{produced:031d}", headers=HEADERS)
        except BufferError:
            producer.poll(POLL_SECONDS)
            continue
        produced += 1
        if produced % POLL_EVERY == 0:
            producer.poll(0)
    producer.flush()
    return {"records": produced, "seconds": time.monotonic() - started}


def consume(workload: dict[str, Any]) -> dict[str, Any]:
    """Consumes until nothing has come for a while; the time counts from the first record to the last."""
    consumer = Consumer(
        {
            "bootstrap.servers": workload["bootstrap_servers"],
            "group.id": workload["topic"],
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 500,
            "log_level": 2,
        }
    )
    consumer.subscribe([workload["topic"]])
    consumed, first, last = 0, 0.0, 0.0
    give_up_at = time.monotonic() + FIRST_RECORD_SECONDS_MAX
    while time.monotonic() < give_up_at:
        records = [record for record in consumer.consume(CONSUME_MAX, POLL_SECONDS) if record.error() is None]
        if not records:
            continue
        last = time.monotonic()
        first = first or last
        consumed += len(records)
        give_up_at = last + IDLE_SECONDS_MAX
    consumer.close()
    if last <= first:
        raise RuntimeError("too few records came to measure anything")
    return {"records": consumed, "seconds": last - first}


def main() -> None:
    role, workload = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps(produce(workload) if role == "produce" else consume(workload)))


if __name__ == "__main__":
    main()
