"""Whether a network is at rest: nothing is owed by hub or banks, and no record waits to be read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import httpx
from confluent_kafka import Consumer, KafkaException, TopicPartition

from lab.network.network import Network
from lab.network.parts.process import wait_until
from lab.network.run import Run
from lab.read.rest import Refused, Unreachable
from pix.messaging.kafka.acls import bank_group
from pix.wire.topics import HUB_TOPIC, bank_topic

LOOK_SECONDS: Final = 0.05
OPEN_SHOWN_MAX: Final = 20
BROKER_SECONDS_MAX: Final = 5.0
HUB_GROUP: Final = "codepix-hub"
"""The consumer group of the hub's replicas."""
_LAG: Final = re.compile(r"^codepix_consumer_lag_records(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


def read_open(run: Run) -> list[str]:
    """What keeps the network from being at rest, at most `OPEN_SHOWN_MAX` of it. Raises `Unreachable`."""
    try:
        # First the records, then the rows: what was read in between has become a row by then.
        waiting = [f"{name} has not read {lag} records" for name, lag in _lags(run.network, run.client) if lag]
        found = [f"hub {row['end_to_end_id']}" for row in run.reader.hub.transfers(open_only=True)]
        found += [f"hub {row['return_id']}" for row in run.reader.hub.returns("before", "next", open_only=True)]
        for code, bank in run.rest.items():
            found += [f"{code} {row['end_to_end_id']}" for row in bank.transfers(undecided=True)]
            found += [f"{code} {row['return_id']}" for row in bank.returns("after", "next_cursor", undecided=True)]
    except Refused as refused:
        raise Unreachable(refused.rule) from None
    return (waiting + found)[:OPEN_SHOWN_MAX]


def wait_at_rest(
    run: Run, seconds_max: float, stuck_seconds: float | None = None, pause: Callable[[float], None] = time.sleep
) -> list[str]:
    """Waits until the network is at rest, and returns what is still open at the end: nothing, as a rule.

    With `stuck_seconds` it gives up as soon as the same has been open for so long. Raises `Unreachable`.
    """
    begun = changed = time.monotonic()
    last: list[str] = []
    while found := read_open(run):
        now = time.monotonic()
        if found != last:
            last, changed = found, now
        if now - begun >= seconds_max or (stuck_seconds is not None and now - changed >= stuck_seconds):
            break
        pause(LOOK_SECONDS)
    return found


def wait_until_read(network: Network, seconds_max: float) -> None:
    """Waits until hub and banks have read every record that the broker has, by the offsets that they commit.

    A bank that has just been told to read again shows a lag only after its next batch.
    Raises `PartNotReady`.
    """
    topics = {HUB_TOPIC: HUB_GROUP, **{bank_topic(bank.code): bank_group(bank.code) for bank in network.banks}}
    servers = network.broker.bootstrap_servers
    for topic, group in topics.items():
        consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False})
        try:
            wait_until(
                partial(_has_read_all, consumer, topic),
                seconds_max,
                f"{group} to read what waits for it",
                retry_on=(KafkaException,),
            )
        finally:
            consumer.close()


def _has_read_all(consumer: Consumer, topic: str) -> bool:
    numbers = consumer.list_topics(topic, timeout=BROKER_SECONDS_MAX).topics[topic].partitions
    for committed in consumer.committed([TopicPartition(topic, number) for number in numbers], BROKER_SECONDS_MAX):
        low, high = consumer.get_watermark_offsets(
            TopicPartition(topic, committed.partition), timeout=BROKER_SECONDS_MAX, cached=False
        )
        if max(committed.offset, low) < high:
            return False
    return True


def _lags(network: Network, client: httpx.Client) -> list[tuple[str, int]]:
    found = []
    for service in network.services:
        try:
            answer = client.get(f"{service.url}/metrics")
        except httpx.HTTPError as error:
            raise Unreachable(f"{service.name} at {service.url} does not answer ({type(error).__name__}).") from error
        found.append((service.name, round(sum(float(value) for value in _LAG.findall(answer.text)))))
    return found
