"""The hub's own composition on a real broker and a real PostgreSQL: what banks say, rightly and wrongly, and get."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from hub.bootstrap import Hub
from hub.domain.flows.transfer.model import TransferStatus
from hub.settings import HubSettings
from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.process import wait_until
from pix.messaging.kafka.browser import KafkaBrowser
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.participant.dead_letters.model import DeadLetter, DeadLetterNotFound, DeadLetterState, DeadLetterTruncated
from pix.participant.dead_letters.records import record_of
from pix.postgres.engine import transaction
from pix.runtime.clock import SystemClock
from pix.scheme.deliveries import HUB, Arrival
from pix.scheme.ids import make_end_to_end_id, random_suffix
from pix.scheme.messages import (
    MESSAGES_OF_HUB,
    Message,
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import decode_record
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import VALUE_KEPT_BYTES_MAX, Record, digest_of
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.databases import empty_hub
from tests.support.hub import FUNDS, SECRETS, register, signed
from tests.support.hub_builders import ANA, AURORA, BIA, BIAS_KEY, IPE, MARE
from tests.support.raw_records import NOT_UTF8, SPECIAL, RawRecord, raw_producer, raw_records, repeated_often

DEADLINE_SECONDS = 60.0
AMOUNT = 12_345


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker") / "broker.log")
    broker.start()
    yield broker
    broker.stop()


class Network:
    """A running hub, and the banks' ends of the broker."""

    def __init__(self, hub: Hub, kafka: KafkaSettings) -> None:
        self.hub = hub
        self.sink = KafkaSink(kafka)
        self.sources = {ispb: KafkaSource(kafka, bank_topic(ispb[-3:]), f"test-{ispb}") for ispb in (AURORA, IPE)}
        self.stop = threading.Event()
        roles = hub.roles(["kafka", "sweeper"])
        self.threads = [threading.Thread(target=role, args=(self.stop,), name=name) for name, role in roles.items()]
        for thread in self.threads:
            thread.start()

    def hear(self, ispb: str, kind: type[Message]) -> Message:
        """The next message of a kind to a bank, whose signature it checks."""
        found: list[Message] = []

        def liveness() -> bool:
            for record in self.sources[ispb].poll(0.1):
                read = decode_record(
                    record,
                    lambda sender: [signing_key(SECRETS[ispb])] if sender == HUB else [],
                    MESSAGES_OF_HUB,
                )
                assert isinstance(read, Arrival), read
                found.append(read.message)
            self.sources[ispb].commit(self.sources[ispb].position())
            return any(isinstance(message, kind) for message in found)

        wait_until(liveness, DEADLINE_SECONDS, f"a {kind.__name__} to {ispb}")
        return next(message for message in found if isinstance(message, kind))

    def dead(self, record: Record) -> DeadLetter:
        """The record's letter, once the hub has buried it."""
        self.sink.publish([record])
        digest = digest_of(record)

        def stored() -> DeadLetter | None:
            try:
                return self.hub.application.dead_letters.find(digest)
            except DeadLetterNotFound:
                return None

        return wait_until(stored, DEADLINE_SECONDS, "the record to be buried")  # type: ignore[return-value]

    def close(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive(), thread.name
        for source in self.sources.values():
            source.close()
        self.sink.close()
        self.hub.engine.dispose()


@pytest.fixture(scope="module")
def network(broker: EmbeddedBroker, database_url: str, shared_engine: Engine) -> Iterator[Network]:
    empty_hub(shared_engine)
    hub = Hub(
        HubSettings(
            database_url=database_url,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            kafka_assignment=KafkaAssignment.ALL,
            resend_first_seconds=0.5,
            resend_cap_seconds=1.0,
        )
    )
    for ispb, secret in SECRETS.items():
        bank = hub.application.add_bank(
            code=ispb[-3:], name=f"Bank {ispb[-3:]}", color="#123456", secret=secret, settlement_funds_centavos=FUNDS
        )
        if ispb == IPE:
            register(hub.application, bank, BIAS_KEY, BIA, "11144477735")
    hub.ensure_topics()
    kafka = hub.settings.kafka("test")
    ensure_topics(kafka, [HUB_TOPIC])
    with closing(Network(hub, kafka)) as network:
        wait_until(
            lambda: hub.application.health.report().get("consumer") == "ok",
            DEADLINE_SECONDS,
            "the consumer to be ready",
        )
        yield network


def request() -> TransferRequested:
    """Ana pays Bia, now."""
    now_ms = SystemClock().now_ms()
    end_to_end_id = make_end_to_end_id(AURORA, datetime.fromtimestamp(now_ms / 1000, UTC), random_suffix())
    return TransferRequested(end_to_end_id, AMOUNT, ANA, BIAS_KEY, "", "almoço", now_ms)


def test_a_transfer_goes_end_to_end(network: Network) -> None:
    asked = request()
    network.sink.publish([signed(asked, AURORA)])
    offer = network.hear(IPE, TransferOffered)
    assert isinstance(offer, TransferOffered) and offer.payee == BIA
    network.sink.publish([signed(TransferAccepted(asked.end_to_end_id, AMOUNT), IPE)])
    for ispb, side in ((AURORA, Side.PAYER), (IPE, Side.PAYEE)):
        told = network.hear(ispb, TransferConfirmed)
        assert isinstance(told, TransferConfirmed) and told.side is side
        note = OutcomeProcessed(asked.end_to_end_id, side, Outcome.CONFIRMED, AMOUNT, None)
        network.sink.publish([signed(note, ispb)])

    def is_completed() -> bool:
        return network.hub.application.queries.find_transfer(asked.end_to_end_id)[0].status == "completed"

    wait_until(is_completed, DEADLINE_SECONDS, "the transfer to be completed")


def test_an_offer_that_nobody_answers_is_sent_again(network: Network) -> None:
    asked = request()
    network.sink.publish([signed(asked, AURORA)])
    seen = 0

    def twice() -> bool:
        nonlocal seen
        offer = network.hear(IPE, TransferOffered)
        seen += isinstance(offer, TransferOffered) and offer.end_to_end_id == asked.end_to_end_id
        return seen >= 2

    wait_until(twice, DEADLINE_SECONDS, "the offer to come twice")
    assert network.hub.application.queries.find_transfer(asked.end_to_end_id)[0].resends >= 1


def test_a_refused_request_is_answered_with_the_reason(network: Network) -> None:
    asked = replace(request(), amount_centavos=FUNDS * 10)
    network.sink.publish([signed(asked, AURORA)])
    told = network.hear(AURORA, TransferFailed)
    assert isinstance(told, TransferFailed)
    assert (told.end_to_end_id, told.reason) == (asked.end_to_end_id, ReasonCode.AM04)


def with_headers(record: Record, **changes: bytes) -> Record:
    return replace(record, headers={**record.headers, **{f"codepix-{name}": value for name, value in changes.items()}})


def of_unknown_type(record: Record) -> Record:
    signature = sign(signing_key(SECRETS[AURORA]), HUB_TOPIC, "TransferUndone", record.value)
    return with_headers(record, type=b"TransferUndone", signature=signature)


def of_no_protobuf(record: Record) -> Record:
    value = b"\xff\xff not Protobuf"
    signature = sign(signing_key(SECRETS[AURORA]), HUB_TOPIC, "TransferRequested", value)
    return with_headers(replace(record, value=value), signature=signature)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda record: replace(record, headers={}), "codepix-sender: header is missing"),
        (
            lambda record: with_headers(record, signature=b""),
            "codepix-signature: header is missing, the record is unsigned",
        ),
        (
            lambda record: with_headers(record, signature=b"\x00" * 32),
            "codepix-signature: not the sender's signature of this record",
        ),
        (
            lambda record: with_headers(record, sender=MARE.encode()),
            "codepix-signature: not the sender's signature of this record",
        ),
        (lambda record: with_headers(record, sender=b"00000099"), "codepix-sender: no such participant"),
        (lambda record: with_headers(record, sender=b"hub"), "codepix-sender: no such participant"),
        (of_unknown_type, "codepix-type: unknown message type 'TransferUndone'"),
        (of_no_protobuf, "value: not a TransferRequested in Protobuf"),
        (lambda record: replace(record, key=b"another"), "record key: must be the id that the message is about"),
        (
            lambda record: replace(signed(request(), AURORA, topic=bank_topic("002")), topic=HUB_TOPIC),
            "codepix-signature: not the sender's signature of this record",
        ),
        (lambda record: Record(HUB_TOPIC, b"", b""), "codepix-sender: header is missing"),
        (
            lambda record: signed(TransferAccepted(record.key.decode(), AMOUNT), IPE),
            "TransferAccepted: the hub knows no transfer with this end-to-end id",
        ),
        (
            # Its bank is answered, too; the letter says which field it was.
            lambda record: signed(replace(request(), description="a\x00b"), AURORA),
            "TransferRequested: description: Line breaks, control characters",
        ),
    ],
    ids=[
        "without headers", "unsigned", "forged", "as another bank", "as a stranger", "as the hub", "unknown type",
        "unreadable", "wrong key", "of another topic", "empty", "unknown transfer", "unfit",
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_a_dead_letter_and_the_rest_goes_on(
    network: Network, spoil: Callable[[Record], Record], reason: str
) -> None:
    good = request()
    letter = network.dead(spoil(signed(request(), AURORA)))
    assert letter.reason.startswith(reason)
    assert (letter.state, letter.times) == (DeadLetterState.DEAD, 1)
    network.sink.publish([signed(good, AURORA)])

    def is_there() -> bool:
        return bool(network.hub.application.queries.find_transfers_of(AURORA, [good.end_to_end_id]))

    wait_until(is_there, DEADLINE_SECONDS, "the next record to be treated")


def deaths(network: Network) -> int:
    """How often records have become dead letters."""
    with transaction(network.hub.engine) as connection:
        return int(connection.execute(text("SELECT coalesce(sum(times), 0) FROM dead_letters")).scalar_one())


@settings(max_examples=12, deadline=None)
@example(sent=repeated_often(NOT_UTF8))
@example(sent=list(SPECIAL))
@given(sent=st.lists(raw_records(), min_size=1, max_size=30))
def test_whatever_bytes_come_they_are_dead_letters_and_payments_go_on(network: Network, sent: list[RawRecord]) -> None:
    before = deaths(network)
    with raw_producer(network.hub.settings.kafka_bootstrap_servers) as producer:
        for record in sent:
            producer.send(HUB_TOPIC, record)
    good = request()
    network.sink.publish([signed(good, AURORA)])
    wait_until(lambda: deaths(network) >= before + len(sent), DEADLINE_SECONDS, "every record to be a dead letter")

    def is_completed() -> bool:
        # The payment may be of another partition than the bytes, so it may still be on its way.
        found = network.hub.application.queries.find_transfers_of(AURORA, [good.end_to_end_id])
        return any(transfer.status is TransferStatus.COMPLETED for transfer in found)

    for ispb, answer in (
        (IPE, TransferAccepted(good.end_to_end_id, AMOUNT)),
        (AURORA, OutcomeProcessed(good.end_to_end_id, Side.PAYER, Outcome.CONFIRMED, AMOUNT, None)),
        (IPE, OutcomeProcessed(good.end_to_end_id, Side.PAYEE, Outcome.CONFIRMED, AMOUNT, None)),
    ):
        # All of one record key: they are treated in this order.
        network.sink.publish([signed(answer, ispb)])
    wait_until(is_completed, DEADLINE_SECONDS, "the payment to be completed")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_of_what_unpacks_to_megabytes_a_part_is_kept_that_cannot_be_replayed(network: Network, codec: str) -> None:
    bomb, before = bytes(500_000 + len(codec)), deaths(network)
    packing = {"compression.type": codec, "message.max.bytes": 10_000_000}
    with raw_producer(network.hub.settings.kafka_bootstrap_servers, packing) as producer:
        producer.send(HUB_TOPIC, RawRecord(bomb, b"key"))
    wait_until(lambda: deaths(network) > before, DEADLINE_SECONDS, "the bomb to be a dead letter")
    letters = network.hub.application.dead_letters
    digest = next(each.digest for each in letters.list(None, 500) if each.value_bytes == len(bomb))
    letter = letters.find(digest)
    assert record_of(letter).value == bomb[:VALUE_KEPT_BYTES_MAX]
    assert letter.value_sha256 == sha256(bomb).hexdigest()
    with pytest.raises(DeadLetterTruncated, match="Only part of this record is stored"):
        network.hub.application.dead_letters.replay(digest)


def test_an_unfit_letter_that_is_replayed_dies_again(network: Network) -> None:
    letter = network.dead(signed(replace(request(), description="c\x00d"), AURORA))
    again = network.hub.application.dead_letters.replay(letter.digest)
    assert (again.state, again.times) == (DeadLetterState.DEAD, 2)


def test_the_hub_is_healthy(network: Network) -> None:
    assert set(network.hub.application.health.report().values()) == {"ok"}
    assert network.hub.lag() >= 0


def test_the_topic_browser_reads_the_latest_records_below_an_offset(network: Network) -> None:
    browser = KafkaBrowser(network.hub.kafka("browser"))
    record = signed(request(), AURORA)
    network.sink.publish([record])
    newest = browser.read(HUB_TOPIC, None, None, 500)
    found = next(each.record for each in newest if each.record.key == record.key)
    assert found.value == record.value
    extent = next(each for each in browser.extents([HUB_TOPIC]) if each.partition == found.partition)
    assert extent.first <= found.offset < extent.next
    (same,) = browser.read(HUB_TOPIC, found.partition, found.offset + 1, 1)
    assert same.record.offset == found.offset and same.record.key == record.key
    older = browser.read(HUB_TOPIC, found.partition, found.offset, 500)
    assert all(each.record.offset < found.offset for each in older)
    assert browser.read("no-such-topic", None, None, 5) == [] == browser.read(HUB_TOPIC, found.partition, 0, 5)
    assert browser.extents(["no-such-topic"]) == []
