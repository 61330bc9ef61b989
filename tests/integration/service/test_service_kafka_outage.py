"""A consumer that was waiting, for its database say, while the broker was away as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from lab.parts.broker import EmbeddedBroker
from lab.parts.process import wait_until
from pix.service.kafka import KafkaSink, KafkaSource, ensure_topics
from pix.service.records import Record
from pix.service.settings import KafkaAssignment, KafkaSettings

SESSION_TIMEOUT_MS = 6_000
AWAY_SECONDS = 8.0
WAIT_SECONDS = 0.5
DEADLINE_SECONDS = 60.0


@pytest.fixture
def frail_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of this test's own, to be broken."""
    broker = EmbeddedBroker(tmp_path / "broker.log")
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.slow
def test_partitions_that_were_taken_away_while_it_waited_are_read_again(frail_broker: EmbeddedBroker) -> None:
    settings = KafkaSettings(
        bootstrap_servers=frail_broker.bootstrap_servers,
        client_id="test",
        assignment=KafkaAssignment.GROUP,
        session_timeout_ms=SESSION_TIMEOUT_MS,
    )
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    with closing(KafkaSink(settings)) as sink, closing(KafkaSource(settings, topic, "group")) as source:
        seen: set[bytes] = set()

        def has_come(key: bytes) -> bool:
            seen.update(record.key for record in source.poll(0.1))
            source.commit()
            return key in seen

        sink.publish([Record(topic, b"before", b"")])
        wait_until(lambda: has_come(b"before"), DEADLINE_SECONDS, "the record of before the outage")
        frail_broker.freeze()
        thawing = threading.Timer(AWAY_SECONDS, frail_broker.thaw)
        thawing.start()
        while thawing.is_alive():
            # As the consumer's thread does while the database is away. Meanwhile the group gives this member up.
            source.rewind()
            source.wait(WAIT_SECONDS)
        sink.publish([Record(topic, f"after {number}".encode(), b"") for number in range(20)])
        for number in range(20):
            key = f"after {number}".encode()
            wait_until(lambda key=key: has_come(key), DEADLINE_SECONDS, f"the record {key!r}")  # type: ignore[misc]
