"""KafkaSource, KafkaSink and the consumer's thread on the embedded broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from codepix.v1.batch_pb2 import Batch
from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.messaging.consumer import ConsumerThread, isolating_poison
from pix.messaging.kafka.client import broker_answers
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import SILENCES_MAX, KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.messaging.packing import PackingSink
from pix.runtime.health import Health
from pix.runtime.outages import BrokerUnavailable, ConsumerStalled, DatabaseUnavailable
from pix.wire.protobuf_v1.batches import BATCH_HEADER, signed
from pix.wire.record import HEADER_SENDER, HEADER_TYPE, Record, Unsigned

DEADLINE_SECONDS = 60.0
Settings = Callable[..., KafkaSettings]


def records(topic: str, *texts: str) -> list[Record]:
    return [Record(topic, text.encode(), f"value {text}".encode(), {"h": b"\x00\xff"}) for text in texts]


def read(source: KafkaSource, size: int) -> list[Record]:
    """Polls until so many records have come."""
    found: list[Record] = []

    def enough() -> bool:
        found.extend(source.poll(0.1))
        return len(found) >= size

    wait_until(enough, DEADLINE_SECONDS, f"{size} records to come")
    return found


def keys(found: Sequence[Record]) -> list[str]:
    return sorted(record.key.decode() for record in found)


def test_records_come_as_they_went(settings: Settings, topic: str, sink: KafkaSink) -> None:
    sent = records(topic, "a", "b")
    sink.publish([])
    sink.publish(sent)
    with closing(KafkaSource(settings(), topic, "group")) as source:
        found = sorted(read(source, 2), key=lambda record: record.key)
    assert [(each.topic, each.key, each.value, dict(each.headers)) for each in found] == [
        (each.topic, each.key, each.value, dict(each.headers)) for each in sent
    ]
    assert all(each.partition >= 0 and each.offset >= 0 for each in found)


def test_records_of_one_key_keep_their_order(settings: Settings, topic: str, sink: KafkaSink) -> None:
    sink.publish([Record(topic, b"one key", str(number).encode()) for number in range(50)])
    with closing(KafkaSource(settings(), topic, "group")) as source:
        assert [int(each.value) for each in read(source, 50)] == list(range(50))


def test_a_batch_lands_where_each_of_its_messages_would_alone(settings: Settings, topic: str, sink: KafkaSink) -> None:
    drafts = [
        Record(
            topic,
            f"E{number:031d}".encode(),
            b"value",
            {HEADER_TYPE: b"TransferAccepted", HEADER_SENDER: b"00000001"},
            unsigned=Unsigned(b"key", is_proven=False),
        )
        for number in range(60)
    ]
    for draft in drafts:
        sink.publish([signed(draft)])
    PackingSink(sink).publish(drafts)
    partitions = sink.partitions_of(topic)
    assert partitions > 1
    with closing(KafkaSource(settings(), topic, "group")) as source:
        found = read(source, 60 + partitions)
    alone = {each.key: each.partition for each in found if each.headers[HEADER_TYPE] != BATCH_HEADER}
    batches = [each for each in found if each.headers[HEADER_TYPE] == BATCH_HEADER]
    packed = {message.key: batch.partition for batch in batches for message in Batch.FromString(batch.value).messages}
    assert packed == alone


@pytest.mark.parametrize("assignment", list(KafkaAssignment))
def test_what_is_committed_does_not_come_again_and_the_rest_does(
    settings: Settings, topic: str, sink: KafkaSink, assignment: KafkaAssignment
) -> None:
    sink.publish(records(topic, "a", "b"))
    group = uuid4().hex
    with closing(KafkaSource(settings(assignment), topic, group)) as source:
        assert keys(read(source, 2)) == ["a", "b"]
        source.commit(source.position())
        sink.publish(records(topic, "c"))
        assert keys(read(source, 1)) == ["c"]
    with closing(KafkaSource(settings(assignment), topic, group)) as source:
        assert keys(read(source, 1)) == ["c"]
        source.commit(source.position())
        source.commit(source.position())


def test_a_rewind_brings_back_what_was_not_committed(settings: Settings, topic: str, sink: KafkaSink) -> None:
    with closing(KafkaSource(settings(), topic, "group")) as source:
        sink.publish(records(topic, "a", "b", "c"))
        read(source, 3)
        source.commit(source.position())
        sink.publish(records(topic, "d", "e", "f", "g"))
        assert keys(read(source, 4)) == ["d", "e", "f", "g"]
        source.rewind()
        assert keys(read(source, 4)) == ["d", "e", "f", "g"]
        source.rewind()
        source.wait(0.2)
        assert keys(read(source, 4)) == ["d", "e", "f", "g"], "waiting takes nothing"


def test_who_is_told_to_stop_waits_no_longer(settings: Settings, topic: str, sink: KafkaSink) -> None:
    with closing(KafkaSource(settings(), topic, "group")) as source:
        stop = threading.Event()
        waiting = threading.Thread(target=source.wait, args=(10 * DEADLINE_SECONDS, stop))
        waiting.start()
        stop.set()
        waiting.join(DEADLINE_SECONDS)
        assert not waiting.is_alive()


def test_a_client_that_fetches_nothing_of_what_is_there_says_so(
    settings: Settings, topic: str, sink: KafkaSink
) -> None:
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        sink.publish(records(topic, "a"))
        assert keys(read(source, 1)) == ["a"]
        source.commit(source.position())
        assert poll_for(source, 2.0) == [], "who has everything is never stuck"
        # A client that does not fetch, for whatever reason, looks from outside as one whose partitions are paused.
        source._consumer.pause(source._consumer.assignment())
        sink.publish(records(topic, "b"))
        with pytest.raises(ConsumerStalled, match="1 partitions of "):
            poll_for(source, DEADLINE_SECONDS)
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        assert keys(read(source, 1)) == ["b"], "another one goes on where it was"


class Complaining:
    """A client that tells of an error whenever it is asked for a record."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def poll(self, _timeout: float) -> Message:
        """An error that passes."""
        return Message(error=KafkaError(KafkaError._TRANSPORT))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_client_that_only_complains_is_stuck_too(settings: Settings, topic: str, sink: KafkaSink) -> None:
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        sink.publish(records(topic, "a"))
        assert keys(read(source, 1)) == ["a"]
        source.commit(source.position())
        source._consumer = Complaining(source._consumer)  # type: ignore[assignment]
        sink.publish(records(topic, "b"))
        with pytest.raises(ConsumerStalled):
            poll_for(source, DEADLINE_SECONDS)


def test_a_client_that_lost_its_partitions_is_stuck_too(settings: Settings, topic: str, sink: KafkaSink) -> None:
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        sink.publish(records(topic, "a"))
        assert keys(read(source, 1)) == ["a"]
        source.commit(source.position())
        source._consumer.unassign()
        assert poll_for(source, 2.0) == [], "who has nothing while others have read everything is not stuck"
        sink.publish(records(topic, "b"))
        with pytest.raises(ConsumerStalled, match="1 partitions of "):
            poll_for(source, DEADLINE_SECONDS)
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        assert keys(read(source, 1)) == ["b"], "another one goes on where it was"


def test_a_client_that_stands_behind_the_end_of_the_log_is_stuck_too(
    settings: Settings, topic: str, sink: KafkaSink
) -> None:
    sink.publish(records(topic, "a"))
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        [record] = read(source, 1)
        # As committed in a log that the broker has lost.
        behind = TopicPartition(topic, record.partition, record.offset + 100)
        source._consumer.commit(offsets=[behind], asynchronous=False)
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        source._consumer.pause(source._consumer.assignment())
        with pytest.raises(ConsumerStalled, match="1 partitions of "):
            poll_for(source, DEADLINE_SECONDS)
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0.3)) as source:
        assert keys(read(source, 1)) == ["a"], "another one begins with what there is"


class Deaf:
    """A client that brings what it is to bring, and to which the broker answers nothing else."""

    def __init__(self, client: Any, polled: Sequence[Message | None]) -> None:
        self._client = client
        self._polled = list(polled)

    def poll(self, _timeout: float) -> Message | None:
        """The next."""
        return self._polled.pop(0)

    def committed(self, _partitions: Any, timeout: float) -> Any:
        """No answer."""
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_client_that_is_not_answered_several_times_in_a_row_is_replaced_if_a_new_one_is(
    settings: Settings, topic: str
) -> None:
    record, nothing_more = Message(topic=topic, partition=0, offset=0, key=b"a", value=b"b"), None
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0)) as source:
        source._consumer = Deaf(source._consumer, [None, None, record, nothing_more, None, None, None])  # type: ignore[assignment]
        assert [len(source.poll(0)) for _ in range(5)] == [0, 0, 1, 0, 0]
        with pytest.raises(ConsumerStalled, match="the broker says nothing about "):
            source.poll(0)


def test_a_client_stays_while_the_broker_answers_no_client(settings: Settings, topic: str) -> None:
    with closing(KafkaSource(settings(), topic, "group", patience_seconds=0)) as source:
        source._consumer = Deaf(source._consumer, [None] * SILENCES_MAX)  # type: ignore[assignment]
        source._settings = settings().model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
        assert [list(source.poll(0)) for _ in range(SILENCES_MAX)] == [[]] * SILENCES_MAX


class Unending:
    """A client that takes its time to close."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.may_end = threading.Event()
        self.ended = threading.Event()

    def close(self) -> None:
        """Not before it may."""
        self.may_end.wait(DEADLINE_SECONDS)
        self._client.close()
        self.ended.set()


def test_a_client_that_does_not_close_is_left_to_itself(settings: Settings, topic: str) -> None:
    source = KafkaSource(settings(), topic, "group", closing_seconds_max=0.2)
    client = Unending(source._consumer)
    source._consumer = client  # type: ignore[assignment]
    source.close()
    assert not client.ended.is_set()
    client.may_end.set()
    assert client.ended.wait(DEADLINE_SECONDS)


def poll_for(source: KafkaSource, seconds: float) -> list[Record]:
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found += source.poll(0.1)
    return found


def committed(settings: KafkaSettings, topic: str, group: str) -> int:
    """How many records the broker knows to be done, by the group's committed offsets."""
    client = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})
    try:
        partitions = [
            TopicPartition(topic, number)
            for number in client.list_topics(topic, timeout=DEADLINE_SECONDS).topics[topic].partitions
        ]
        return sum(max(place.offset, 0) for place in client.committed(partitions, timeout=DEADLINE_SECONDS))
    finally:
        client.close()


def test_the_broker_is_told_of_commits_now_and_then_and_when_nothing_comes(
    settings: Settings, topic: str, sink: KafkaSink
) -> None:
    with closing(KafkaSource(settings(), topic, "group", commit_interval_seconds=DEADLINE_SECONDS * 10)) as source:

        def treat(*names: str) -> None:
            sink.publish(records(topic, *names))
            read(source, len(names))
            source.commit(source.position())

        def is_told(count: int) -> None:
            wait_until(
                lambda: committed(settings(), topic, "group") == count, DEADLINE_SECONDS, f"{count} to be committed"
            )

        treat("a", "b")
        is_told(2)
        treat("c")
        assert committed(settings(), topic, "group") == 2
        treat("d")
        assert not source.poll(0.1)
        is_told(4)
        treat("e")
    is_told(5)


def test_the_lag_is_what_waits(settings: Settings, topic: str, sink: KafkaSink) -> None:
    with closing(KafkaSource(settings(), topic, "group")) as source:
        assert source.lag() == 0
        sink.publish(records(topic, *"abcdefgh"))
        read(source, 8)
        wait_until(lambda: source.lag() == 0, DEADLINE_SECONDS, "the lag to be gone")


def test_members_of_a_group_share_the_partitions(settings: Settings, topic: str, sink: KafkaSink) -> None:
    group = uuid4().hex
    names = [f"key {number}" for number in range(200)]
    with (
        closing(KafkaSource(settings(KafkaAssignment.GROUP), topic, group)) as one,
        closing(KafkaSource(settings(KafkaAssignment.GROUP), topic, group)) as other,
    ):
        found: dict[str, set[str]] = {"one": set(), "other": set()}
        numbers = iter(range(10_000))

        def both_have_some() -> bool:
            sink.publish(records(topic, f"probe {next(numbers)}"))
            for name, source in (("one", one), ("other", other)):
                found[name] |= {each.key.decode() for each in source.poll(0.05)}
                source.commit(source.position())
            return all(found.values())

        wait_until(both_have_some, DEADLINE_SECONDS, "both members to have partitions")
        sink.publish(records(topic, *names))

        def all_are_there() -> bool:
            for name, source in (("one", one), ("other", other)):
                found[name] |= {each.key.decode() for each in source.poll(0.05)}
            return found["one"] | found["other"] >= set(names)

        wait_until(all_are_there, DEADLINE_SECONDS, "every record to be read by somebody")


def test_a_topic_is_made_by_asking(settings: Settings) -> None:
    name = f"test.{uuid4().hex}"
    for _ in range(2):
        ensure_topics(settings(), [name])
    with closing(KafkaSource(settings(), name, "group")) as source:
        assert list(source.poll(0.1)) == []


def test_a_broker_that_is_away_is_told_as_such(broker: EmbeddedBroker, settings: Settings) -> None:
    away = settings().model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    assert broker_answers(settings(), 5.0)
    assert not broker_answers(away, 0.2)


# The thread.


class Store:
    """A handler with a database that goes and comes."""

    def __init__(self) -> None:
        self.is_away = False
        self.done: list[str] = []
        self.stored: list[str] = []

    def handle(self, batch: Sequence[Record]) -> Sequence[Record]:
        if self.is_away:
            raise DatabaseUnavailable("connection refused")
        if any(record.key == b"poison" for record in batch):
            raise ValueError("a record like no other")
        self.done += [record.key.decode() for record in batch]
        return []

    def store_dead_letter(self, record: Record, _reason: str) -> None:
        self.stored.append(record.key.decode())


class Running:
    """A consumer's thread."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str, store: Store, sink: KafkaSink) -> None:
        self.health = Health()
        self.stop_event = threading.Event()
        consumer = ConsumerThread(
            lambda: KafkaSource(settings, topic, group),
            isolating_poison(store.handle, store.store_dead_letter),
            sink,
            self.health,
        )
        self._thread = threading.Thread(target=consumer.run, args=(self.stop_event,))
        self._thread.start()

    def close(self) -> None:
        self.stop_event.set()
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()


def test_an_absent_database_loses_nothing(settings: Settings, topic: str, sink: KafkaSink) -> None:
    store, group = Store(), uuid4().hex
    with closing(Running(settings(), topic, group, store, sink)) as running:
        sink.publish(records(topic, "a", "b"))
        wait_until(lambda: sorted(store.done) == ["a", "b"], DEADLINE_SECONDS, "a and b to be done")
        store.is_away = True
        sink.publish(records(topic, "c", "d"))
        waiting = "waiting for the database: connection refused"
        wait_until(lambda: running.health.report()["consumer"] == waiting, DEADLINE_SECONDS, "it to say that it waits")
        store.is_away = False
        wait_until(lambda: sorted(store.done) == ["a", "b", "c", "d"], DEADLINE_SECONDS, "c and d to be done")
        wait_until(lambda: running.health.report()["consumer"] == "ok", DEADLINE_SECONDS, "it to be well again")
    # It has committed and left in good order: another one finds nothing to do but what is new.
    with closing(Running(settings(), topic, group, store, sink)):
        sink.publish(records(topic, "e"))
        wait_until(lambda: "e" in store.done, DEADLINE_SECONDS, "e to be done")
    assert sorted(store.done) == ["a", "b", "c", "d", "e"]


def test_a_poisoned_record_goes_alone_and_the_rest_go_on(settings: Settings, topic: str, sink: KafkaSink) -> None:
    store = Store()
    with closing(Running(settings(), topic, uuid4().hex, store, sink)):
        sink.publish(records(topic, "a", "poison", "b"))
        wait_until(lambda: sorted(store.done) == ["a", "b"], DEADLINE_SECONDS, "the rest to be done")
        wait_until(lambda: store.stored == ["poison"], DEADLINE_SECONDS, "the poison to be buried")
        sink.publish(records(topic, "c"))
        wait_until(lambda: sorted(store.done) == ["a", "b", "c"], DEADLINE_SECONDS, "the next one to be done")


def test_a_consumer_without_a_broker_says_so_and_stops_when_told(sink: KafkaSink) -> None:
    health, stop = Health(), threading.Event()

    def no_broker() -> KafkaSource:
        raise BrokerUnavailable("connection refused")

    thread = threading.Thread(target=ConsumerThread(no_broker, lambda _: [], sink, health).run, args=(stop,))
    thread.start()
    says_so = "waiting for the broker: connection refused"
    wait_until(lambda: health.report().get("consumer") == says_so, DEADLINE_SECONDS, "it to say that it waits")
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
