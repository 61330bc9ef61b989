"""Watching the wire: by many, sampled, only while somebody looks, through a broker that goes away and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from hub.adapters.memory.tap import MemoryWire
from hub.adapters.message_tap import RecordMessageTap
from hub.adapters.topic_browser import logged
from hub.application.live_messages import EVENTS_PER_SECOND_MAX, WATCHERS_MAX, LiveMessages, TooManyWatchers
from hub.domain.flows.transfer.model import outcome_message
from lab.network.parts.process import wait_until
from pix.messaging.tap import TappedRecord
from pix.scheme.deliveries import HUB, Outgoing
from pix.scheme.messages import Message, Side, TransferAccepted, TransferRejected
from pix.scheme.reasons import ReasonCode
from pix.wire.codec import CachedPeers, FixedPeers, Peer
from pix.wire.protobuf_v1.batches import pack
from pix.wire.protobuf_v1.codec import ProtobufV1Codec, encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.hub_builders import AMOUNT, AURORA, BANKS, IPE, accepted, e2e, failed, rejected, requested

DEADLINE_SECONDS = 30.0
KEYS = {ispb: [signing_key(f"a secret of {ispb}")] for ispb in BANKS}
CODES = {bank.ispb: bank.code for bank in BANKS.values()}


def tapping(wire: MemoryWire) -> Callable[[], RecordMessageTap]:
    peers = CachedPeers(lambda: {ispb: Peer(bank_topic(CODES[ispb]), tuple(keys)) for ispb, keys in KEYS.items()})
    return lambda: RecordMessageTap(wire.tap(), peers, lambda: CODES)


def said(message: object, ispb: str) -> Record:
    return encode_record(message, HUB_TOPIC, ispb, KEYS[ispb][0])  # type: ignore[arg-type]


@contextmanager
def watched(wire: MemoryWire) -> Iterator[tuple[LiveMessages, int]]:
    watch = LiveMessages(tapping(wire))
    with watch.watching() as behind:
        wait_until(lambda: watch.look(0).is_open, DEADLINE_SECONDS, "the tap is not open")
        yield watch, behind


def test_who_watches_sees_what_passes_from_then_on() -> None:
    wire = MemoryWire()
    outcome = outcome_message(failed(ReasonCode.AC06), Side.PAYER)
    assert outcome is not None
    with watched(wire) as (watch, behind):
        wire.pass_on([said(requested(), AURORA), said(rejected(), IPE)])
        wire.pass_on([encode_record(outcome, bank_topic("001"), HUB, KEYS[AURORA][0])])
        wait_until(lambda: len(watch.look(behind).events) == 3, DEADLINE_SECONDS, "nothing was heard")
        events = watch.look(behind).events
        assert [(each.type, each.sender, each.receiver, each.status, each.reason) for each in events] == [
            ("TransferRequested", "001", "hub", "", ""),
            ("TransferRejected", "002", "hub", "pending", "AC06"),
            ("TransferFailed", "hub", "001", "failed", "AC06"),
        ]
        assert {(each.end_to_end_id, each.amount_centavos) for each in events} == {(e2e(), AMOUNT)}
        assert watch.look(events[-1].number).events == [], "each is new once"


def test_a_forged_record_is_seen_as_what_it_is() -> None:
    wire = MemoryWire()
    with watched(wire) as (watch, behind):
        forged = encode_record(accepted(), HUB_TOPIC, IPE, b"not the key")
        wire.pass_on([forged, replace(forged, headers={}, key=b"\xff\xfe")])
        wait_until(lambda: len(watch.look(behind).events) == 2, DEADLINE_SECONDS, "nothing was heard")
        first, second = watch.look(behind).events
        assert (first.type, first.sender, first.receiver, first.end_to_end_id) == ("Unreadable", "", "hub", e2e())
        assert "signature" in first.reason and "header is missing" in second.reason


def batch_of(ispb: str, *messages: Message, key: bytes = b"") -> Record:
    """What a bank says at once."""
    peer = Peer(HUB_TOPIC, (key or KEYS[ispb][0],), takes_batches=True)
    codec = ProtobufV1Codec(ispb, FixedPeers({HUB: peer}), frozenset(), leaves_unsigned=True)
    drafts = [record for message in messages if (record := codec.encode(Outgoing(HUB, message)))]
    (record,) = pack(drafts, lambda _: 1)
    return record


def test_each_message_of_a_batch_is_seen_and_a_forged_batch_is_one_fault() -> None:
    wire = MemoryWire()
    with watched(wire) as (watch, behind):
        wire.pass_on([batch_of(IPE, accepted(), rejected()), batch_of(IPE, accepted(), rejected(), key=b"x" * 32)])
        wait_until(lambda: len(watch.look(behind).events) == 3, DEADLINE_SECONDS, "nothing was heard")
        assert [(each.type, each.sender) for each in watch.look(behind).events] == [
            ("TransferAccepted", "002"),
            ("TransferRejected", "002"),
            ("Unreadable", ""),
        ]


def test_a_batch_in_a_topic_is_one_record_with_its_messages() -> None:
    wire = MemoryWire()
    whole = batch_of(IPE, accepted(), rejected())
    record = logged(tapping(wire)(), TappedRecord(1, whole))
    assert [type(each.message) for each in record.packed] == [TransferAccepted, TransferRejected]
    assert (record.read.sender, record.read.receiver, record.read.message, record.read.reason) == ("002", HUB, None, "")
    assert (record.key, record.value) == (whole.key, whole.value)
    alone = logged(tapping(wire)(), TappedRecord(1, said(accepted(), IPE)))
    assert alone.read.message == accepted() and not alone.packed


def test_of_a_flood_some_transfers_are_shown_whole_and_the_rest_are_counted() -> None:
    wire = MemoryWire()
    transfers = 4 * EVENTS_PER_SECOND_MAX
    with watched(wire) as (watch, behind):
        records = [said(TransferAccepted(e2e(number), 1), IPE) for number in range(transfers)]
        records += [said(TransferRejected(e2e(number), 1, ReasonCode.AC06), IPE) for number in range(transfers)]
        wire.pass_on(records)

        def all_came() -> bool:
            look = watch.look(behind)
            return len(look.events) + look.left_out == 2 * transfers

        wait_until(all_came, DEADLINE_SECONDS, "some were neither shown nor counted")
        look = watch.look(behind)
        assert 0 < len(look.events) < 2 * EVENTS_PER_SECOND_MAX
        ids = [event.end_to_end_id for event in look.events]
        assert ids[: len(ids) // 2] == ids[len(ids) // 2 :], "each transfer that is shown is shown whole"


def test_a_wire_that_is_lost_is_tapped_again() -> None:
    wire = MemoryWire()
    with watched(wire) as (watch, behind):
        wire.is_down = True
        wait_until(lambda: not watch.look(behind).is_open, DEADLINE_SECONDS, "the loss was not noticed")
        wire.is_down = False
        wait_until(lambda: watch.look(behind).is_open, DEADLINE_SECONDS, "it was not tapped again")
        wire.pass_on([said(requested(), AURORA)])
        wait_until(lambda: len(watch.look(behind).events) == 1, DEADLINE_SECONDS, "nothing was heard")


def test_nobody_watches_and_nothing_is_tapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.application.live_messages.LINGER_SECONDS", 0.0)
    wire = MemoryWire()
    with watched(wire):
        assert len(wire.taps) == 1
    wait_until(lambda: not wire.taps, DEADLINE_SECONDS, "the tap stays open")
    with watched(wire):
        assert len(wire.taps) == 1, "it is opened again for who comes back"


def test_so_many_may_watch_and_no_more() -> None:
    watch = LiveMessages(tapping(MemoryWire()))
    with ExitStack() as stack:
        for _ in range(WATCHERS_MAX):
            stack.enter_context(watch.watching())
        with pytest.raises(TooManyWatchers):
            watch.check_room()
        with pytest.raises(TooManyWatchers), watch.watching():
            pass
    watch.check_room()
