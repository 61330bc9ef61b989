"""The role `kafka` with a broker: offers are answered; a bank that is switched off takes nothing and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bank_sim.bootstrap import Bank
from bank_sim.domain.behaviour import Behaviour
from bank_sim.entrypoints.kafka import open_source
from bank_sim.settings import BankSettings
from lab.network.parts.broker import EmbeddedBroker
from pix.messaging.kafka.acls import bank_group
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.participant.consumer_role import ConsumerRole
from pix.runtime.clock import SystemClock
from pix.scheme.messages import TransferAccepted
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.bank import SECRET, World, read
from tests.support.banks import AURORA
from tests.support.raw_records import NOT_UTF8, SPECIAL, RawRecord, raw_producer, raw_records, repeated_often

DEADLINE_SECONDS = 30.0
NOWHERE = "127.0.0.1:1"
SOME_SWEEPS_SECONDS = 1.2
LONG_AGO_MS = 60_000


@pytest.fixture
def bootstrap_servers(tmp_path: Path) -> Iterator[str]:
    broker = EmbeddedBroker(tmp_path / "broker.log")
    broker.start()
    yield broker.bootstrap_servers
    broker.stop()


def settings_of_bank(database_url: str, bootstrap_servers: str) -> BankSettings:
    return BankSettings(
        database_url=database_url,
        kafka_bootstrap_servers=bootstrap_servers,
        kafka_assignment=KafkaAssignment.ALL,
        bank_code=AURORA.code,
        bank_name=AURORA.name,
        bank_secret=SECRET,
        hub_grpc_address=NOWHERE,
    )


def consumer(world: World, settings: BankSettings) -> ConsumerRole:
    kafka = settings.kafka("bank")
    return ConsumerRole(
        lambda: open_source(kafka, AURORA.code, lambda: world.bank.queries.behaviour().consuming),
        world.handle,
        KafkaSink(kafka),
        world.bank.health,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(DEADLINE_SECONDS / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("waited too long")


def test_offers_are_answered_and_a_bank_that_plays_dead_answers_later(
    world: World, database_url: str, bootstrap_servers: str
) -> None:
    settings = settings_of_bank(database_url, bootstrap_servers)
    hub = KafkaSettings(bootstrap_servers=bootstrap_servers, client_id="hub", assignment=KafkaAssignment.ALL, extra={})
    ensure_topics(hub, [HUB_TOPIC])
    stop = threading.Event()
    thread = threading.Thread(target=consumer(world, settings).run, args=(stop,), daemon=True)
    thread.start()
    source = KafkaSource(hub, HUB_TOPIC, "hub")
    sink = KafkaSink(hub)
    ana = world.open_account(0)

    first = world.offer(ana, 1)
    sink.publish([world.record(first)])
    liveness = read(source.poll(DEADLINE_SECONDS))
    assert liveness == [TransferAccepted(first.end_to_end_id, 1)]
    wait_until(world.bank.health.is_ready)

    world.behave(Behaviour(consuming=False))
    second = world.offer(ana, 2)
    # The role looks at the switch twice a second; meanwhile there is nothing to take.
    assert list(source.poll(2.0)) == []
    sink.publish([world.record(second)])
    assert list(source.poll(1.5)) == []

    world.behave(Behaviour())
    assert read(source.poll(DEADLINE_SECONDS)) == [TransferAccepted(second.end_to_end_id, 2)]

    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    source.close()
    sink.close()


def test_whatever_bytes_come_they_are_dead_letters_and_payments_go_on(
    world: World, database_url: str, bootstrap_servers: str
) -> None:
    settings = settings_of_bank(database_url, bootstrap_servers)
    kafka = KafkaSettings(bootstrap_servers=bootstrap_servers, client_id="hub", assignment=KafkaAssignment.ALL)
    ensure_topics(kafka, [HUB_TOPIC])
    stop = threading.Event()
    thread = threading.Thread(target=consumer(world, settings).run, args=(stop,), daemon=True)
    thread.start()
    ana = world.open_account(0)
    sent = 0

    def deaths() -> int:
        return sum(letter.times for letter in world.bank.dead_letters.list(None, 500))

    with closing(KafkaSource(kafka, HUB_TOPIC, "hub")) as hub, closing(KafkaSink(kafka)) as sink:

        @hypothesis.settings(max_examples=8, deadline=None)
        @example(records=repeated_often(NOT_UTF8))
        @example(records=list(SPECIAL))
        @given(records=st.lists(raw_records(), min_size=1, max_size=20))
        def send(records: list[RawRecord]) -> None:
            nonlocal sent
            with raw_producer(bootstrap_servers) as producer:
                for record in records:
                    producer.send(bank_topic(AURORA.code), record)
            sent += len(records)
            offer = world.offer(ana, 1)
            sink.publish([world.record(offer)])
            wait_until(lambda: deaths() >= sent)
            assert read(hub.poll(DEADLINE_SECONDS)) == [TransferAccepted(offer.end_to_end_id, 1)]
            hub.commit(hub.position())

        send()
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_a_sweeper_apart_resends_nothing_while_the_hubs_answers_wait_for_another_process(
    world: World, database_url: str, bootstrap_servers: str
) -> None:
    world.clock.turn(SystemClock().now_ms() - LONG_AGO_MS - world.clock.now_ms())
    world.pay(world.open_account())
    settings = settings_of_bank(database_url, bootstrap_servers)
    kafka = settings.kafka("test")
    topic = bank_topic(AURORA.code)
    ensure_topics(kafka, [HUB_TOPIC, topic])
    bank = Bank(settings)
    stop = threading.Event()
    sweeper = threading.Thread(target=bank.roles(["sweeper"])["sweeper"], args=(stop,))
    with (
        closing(KafkaSink(kafka)) as sink,
        closing(KafkaSource(kafka, topic, bank_group(AURORA.code))) as consumer,
        closing(KafkaSource(kafka, HUB_TOPIC, "test")) as hub,
    ):
        sink.publish([Record(topic, b"key", b"an answer")] * (LAG_RECORDS_MAX + 1))
        sweeper.start()
        try:
            assert list(hub.poll(SOME_SWEEPS_SECONDS)) == []
            read = 0

            def all_are_read() -> bool:
                nonlocal read
                read += len(consumer.poll(0.1))
                return read > LAG_RECORDS_MAX

            wait_until(all_are_read)
            consumer.commit(consumer.position())
            wait_until(lambda: bool(hub.poll(0.1)))
        finally:
            stop.set()
            sweeper.join(DEADLINE_SECONDS)
            bank.close()
    assert not sweeper.is_alive()
