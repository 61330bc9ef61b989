"""The banks of the hub's part, played by one process that only answers: `python -m loadtest.bench.stand_in SCRIPT`.

It requests transfers, accepts every offer and acknowledges every outcome, and does so as cheaply as it can, since it
shares the machine's cores with what is measured: values are put together from bytes that were serialised once, and of
what comes it reads the header that names the type and the few bytes that it needs. The hub sees what it would see from
any bank: each record is signed with the bank's own key and says who sent it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from zlib import crc32

from confluent_kafka import Consumer, KafkaError, Message, Producer

from codepix.v1 import common_pb2 as common
from codepix.v1 import transfers_pb2 as wire
from codepix.v1.batch_pb2 import Batch, BatchedMessage
from pix.messaging.kafka.sink import BATCH_BYTES_SENT_MAX
from pix.wire.protobuf_v1.batches import BATCH_TYPE, FRAME_BYTES_MAX, MESSAGES_MAX
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import BATCH_VALUE_BYTES_MAX, HEADER_SENDER, HEADER_SIGNATURE, HEADER_TYPE
from pix.wire.topics import HUB_TOPIC, bank_topic

CONSUME_MAX: Final = 5_000
CONSUME_SECONDS: Final = 0.02
PRODUCE_CHUNK_MAX: Final = 2_000
"""Requests between two looks at what has come."""
DRAIN_SECONDS_MAX: Final = 120.0
PARTITIONS_WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Workload:
    bootstrap_servers: str
    banks: Sequence[Mapping[str, str]]
    """Each with `code`, `ispb` and `secret`."""
    payees: Sequence[Mapping[str, Any]]
    """Registered keys: `kind` (of Protobuf), `key`, `ispb`."""
    in_flight_max: int
    seconds: float
    """New transfers are requested for so long; then those under way are answered to their end."""
    run: int
    """Makes the end-to-end ids of runs on the same servers different."""
    transfers_max: int = 0
    """Stop after this many; 0: none."""
    batches: bool = True
    """Whether the banks pack what they send at once for a partition."""


@dataclass(slots=True)
class Tally:
    requested: int = 0
    offered: int = 0
    confirmed: int = 0
    """Outcomes that came, two for each transfer; one that came again is not counted."""
    repeated: int = 0
    """Outcomes that came again."""
    failed: int = 0
    started_at_ms: int = 0
    stopped_at_ms: int = 0
    drained_at_ms: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    cpu_seconds: float = 0.0


Headers = list[tuple[str, str | bytes | None]]
Batched = tuple[str, bytes, bytes]
"""Type, key and value of a message."""


class _Bank:
    def __init__(self, code: str, ispb: str, secret: str) -> None:
        self.topic = bank_topic(code)
        self.ispb = ispb
        self._sender = (HEADER_SENDER, ispb.encode())
        self._key = signing_key(secret)

    def headers(self, message_type: str, value: bytes) -> Headers:
        return [
            (HEADER_TYPE, message_type.encode()),
            self._sender,
            (HEADER_SIGNATURE, sign(self._key, HUB_TOPIC, message_type, value)),
        ]


class _Outbox:
    """Sends what the banks say: each message at once, or those of a bank and partition together."""

    def __init__(self, producer: Producer, partitions: int) -> None:
        """With 0 partitions each message is a record."""
        self._producer = producer
        self._partitions = partitions
        self._waiting: dict[tuple[str, int], tuple[_Bank, list[Batched], int]] = {}
        """By ISPB and partition: messages, and their bytes."""

    def send(self, bank: _Bank, message_type: str, key: bytes, value: bytes) -> None:
        if not self._partitions:
            self._producer.produce(HUB_TOPIC, value, key, headers=bank.headers(message_type, value))
            return
        place = (bank.ispb, crc32(key) % self._partitions)
        _, messages, size = self._waiting.get(place, (bank, [], 0))
        size += len(key) + len(value) + len(message_type) + FRAME_BYTES_MAX
        if messages and (size > BATCH_VALUE_BYTES_MAX or len(messages) == MESSAGES_MAX):
            self._send_together(bank, messages)
            messages, size = [], len(key) + len(value) + len(message_type) + FRAME_BYTES_MAX
        messages.append((message_type, key, value))
        self._waiting[place] = bank, messages, size

    def flush(self) -> None:
        """Hands over what waits."""
        for bank, messages, _ in self._waiting.values():
            self._send_together(bank, messages)
        self._waiting.clear()

    def _send_together(self, bank: _Bank, messages: list[Batched]) -> None:
        message_type, key, value = messages[0]
        if len(messages) > 1:
            message_type = BATCH_TYPE
            value = Batch(
                messages=[BatchedMessage(type=kind, key=of, value=content) for kind, of, content in messages]
            ).SerializeToString()
        self._producer.produce(HUB_TOPIC, value, key, headers=bank.headers(message_type, value))


AMOUNT_CENTAVOS: Final = 100
_AMOUNT: Final = wire.TransferAccepted(amount_centavos=AMOUNT_CENTAVOS).SerializeToString()
_SIDE_AT: Final = 35
"""Where a TransferConfirmed has its side: behind the end-to-end id (2 + 32 bytes) and the field's tag."""
_PROCESSED_TAILS: Final[Mapping[int, bytes]] = {
    side: wire.OutcomeProcessed(
        side=side, outcome=common.OUTCOME_CONFIRMED, amount_centavos=AMOUNT_CENTAVOS
    ).SerializeToString()
    for side in (common.SIDE_PAYER, common.SIDE_PAYEE)
}
_ID_FIELD: Final = b"\x0a\x20"
"""Field 1, 32 bytes long: how each message begins."""


class StandIns:
    def __init__(self, workload: Workload) -> None:
        self._script = workload
        self._banks = {
            bank.topic: bank for bank in (_Bank(each["code"], each["ispb"], each["secret"]) for each in workload.banks)
        }
        self._producer = Producer(
            {
                "bootstrap.servers": workload.bootstrap_servers,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "batch.size": BATCH_BYTES_SENT_MAX,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 2,
            }
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": workload.bootstrap_servers,
                "group.id": "stand-ins",
                "auto.offset.reset": "earliest",
                "topic.metadata.refresh.interval.ms": 1_000,
                "enable.auto.commit": False,
                "fetch.min.bytes": 20_000,
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )
        self.tally = Tally()
        self._open: dict[bytes, int] = {}
        """The sides that have not heard the outcome yet, as bits, by end-to-end id."""
        self._outbox = _Outbox(self._producer, self._partitions_of_hub() if workload.batches else 0)
        self._requests = self._make_requests()

    def run_workload(self) -> Tally:
        """Requests and answers until the time is over, then answers what is still under way."""
        workload, tally = self._script, self.tally
        self._join()
        tally.started_at_ms = time.time_ns() // 1_000_000
        cpu_before = time.process_time()
        stop_at = time.monotonic() + workload.seconds
        drain_until = stop_at + DRAIN_SECONDS_MAX
        while time.monotonic() < drain_until:
            requesting = time.monotonic() < stop_at
            if workload.transfers_max:
                requesting = tally.requested < workload.transfers_max
            if requesting:
                room = workload.in_flight_max - len(self._open)
                if workload.transfers_max:
                    room = min(room, workload.transfers_max - tally.requested)
                self._request(min(room, PRODUCE_CHUNK_MAX))
            elif not tally.stopped_at_ms:
                tally.stopped_at_ms = time.time_ns() // 1_000_000
                tally.cpu_seconds = time.process_time() - cpu_before
            elif not self._open:
                break
            self._answer()
            self._outbox.flush()
            self._producer.poll(0)
        self._producer.flush(DRAIN_SECONDS_MAX)
        tally.drained_at_ms = time.time_ns() // 1_000_000
        if tally.requested:
            # The next run on these servers begins behind this one.
            self._consumer.commit(asynchronous=False)
        self._consumer.close()
        return tally

    def _join(self) -> None:
        """Returns when every partition of the banks' topics is this process's."""
        self._consumer.subscribe(list(self._banks))
        deadline = time.monotonic() + PARTITIONS_WAIT_SECONDS
        while not self._consumer.assignment() and time.monotonic() < deadline:
            self._consumer.poll(0.1)
        if not self._consumer.assignment():
            raise RuntimeError("the stand-ins were given no partitions")

    def _partitions_of_hub(self) -> int:
        return len(self._producer.list_topics(HUB_TOPIC, timeout=PARTITIONS_WAIT_SECONDS).topics[HUB_TOPIC].partitions)

    def _make_requests(self) -> list[tuple[_Bank, bytes]]:
        """For every payee a payer at another bank: all of the request's value but its end-to-end id."""
        banks = list(self._banks.values())
        now_ms = time.time_ns() // 1_000_000
        requests = []
        for number, payee in enumerate(self._script.payees):
            others = [bank for bank in banks if bank.ispb != payee["ispb"]]
            payer = others[number % len(others)]
            rest = wire.TransferRequested(
                amount_centavos=AMOUNT_CENTAVOS,
                payer=common.Party(
                    ispb=payer.ispb,
                    branch="0001",
                    account_number=f"{number:06d}-0",
                    name=f"Payer Number {number}",
                    tax_id_masked="***.456.789-**",
                ),
                payee_key=common.PixKey(kind=payee["kind"], key=payee["key"]),
                description="benchmark",
                requested_at_ms=now_ms,
            )
            requests.append((payer, rest.SerializeToString()))
        return requests

    def _request(self, count: int) -> None:
        tally, requests, send = self.tally, self._requests, self._outbox.send
        minute = datetime.now(UTC).strftime("%Y%m%d%H%M")
        for number in range(tally.requested, tally.requested + count):
            bank, rest = requests[number % len(requests)]
            key = f"E{bank.ispb}{minute}{self._script.run:02d}{number:09d}".encode()
            value = _ID_FIELD + key + rest
            self._open[key] = common.SIDE_PAYER | common.SIDE_PAYEE
            send(bank, "TransferRequested", key, value)
            tally.bytes_out += len(value)
        if count > 0:
            tally.requested += count

    def _answer(self) -> None:
        tally, send = self.tally, self._outbox.send
        for record in self._consumer.consume(CONSUME_MAX, CONSUME_SECONDS):
            error = record.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    continue
                raise RuntimeError(f"a stand-in cannot read its topic: {error.str()}")
            bank = self._banks[record.topic() or ""]
            for received_type, key, received in _messages_in(record):
                tally.bytes_in += len(received)
                if received_type == "TransferOffered":
                    tally.offered += 1
                    message_type, value = "TransferAccepted", _ID_FIELD + key + _AMOUNT
                elif received_type == "TransferConfirmed":
                    side = received[_SIDE_AT]
                    self._hear(key, side)
                    message_type, value = "OutcomeProcessed", _ID_FIELD + key + _PROCESSED_TAILS[side]
                else:
                    if self._open.pop(key, 0):
                        tally.failed += 2
                    continue
                send(bank, message_type, key, value)
                tally.bytes_out += len(value)

    def _hear(self, key: bytes, side: int) -> None:
        """An outcome may come again before its acknowledgement is processed: it is answered, and counts once."""
        waiting = self._open.get(key, 0)
        if not waiting & side:
            self.tally.repeated += 1
            return
        self.tally.confirmed += 1
        if waiting == side:
            del self._open[key]
        else:
            self._open[key] = waiting ^ side


def _messages_in(record: Message) -> Sequence[Batched]:
    key, value = cast(bytes, record.key()), cast(bytes, record.value())
    message_type = cast(bytes, dict(cast(Headers, record.headers()))[HEADER_TYPE]).decode()
    if message_type != BATCH_TYPE:
        return ((message_type, key, value),)
    return [(each.type, each.key, each.value) for each in Batch.FromString(value).messages]


def main() -> None:
    workload = Workload(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print(json.dumps(asdict(StandIns(workload).run_workload())))


if __name__ == "__main__":
    main()
