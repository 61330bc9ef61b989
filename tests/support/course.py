"""A hub in memory with the course adapter, two course banks with the course's four accounts, and a bank of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.adapters.course.memory import CourseStore, MemoryCourseUnits
from hub.adapters.memory.unit_of_work import HubStore, MemoryUnitsOfWork
from hub.application.course.process import KEY_AGE_MS_MIN
from hub.application.course.use_cases import CourseApplication, compose_course
from hub.application.use_cases import HubApplication
from hub.domain.course.model import Edition, Leg, LegKind
from hub.domain.flows.transfer.model import Transfer
from hub.entrypoints.course.gateway import COURSE_TOPICS, TOPICS, CourseGateway
from hub.entrypoints.gateway import hub_gateway
from pix.messaging.batches import BatchHandler
from pix.runtime.health import Health
from pix.scheme.deliveries import Arrival
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    MESSAGES_OF_HUB,
    BankMessage,
    HubMessage,
    Outcome,
    OutcomeProcessed,
    Party,
    TransferAccepted,
    TransferConfirmed,
    TransferOffered,
    TransferRequested,
)
from pix.scheme.people import HolderKind
from pix.wire.course_v1.topics import CONFIRMATIONS, TRANSACTIONS
from pix.wire.protobuf_v1.codec import decode_record, encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.clock import TurnedClock
from tests.support.hub_builders import MARE, NOW_MS, POLICY, e2e
from tests.support.participants import compose_hub, hub_handler

PAULO = "6e4635ce-88d1-4e58-9597-d13fc446ee47"
"""Account 1111 at 001, the payer of the transcript."""
PAULA = "51a720b2-5144-4d7f-921d-57023b1e24c1"
ANA = "103cc632-78e7-4476-ab63-d5ad3a562d26"
"""Account 3333 at 002, with the key ana@example.com."""
BIA = "463b1b2a-b5fa-4b88-9c31-e5c894a20ae3"
COURSE_001, COURSE_002 = "00000001", "00000002"
FUNDS: Final = 10_000_000
CAIO: Final = Party(MARE, "0001", "300001-1", "Caio Dias", "***.111.222-**")
"""At the bank of ours, 003."""
CAIOS_KEY: Final = PixKey(KeyKind.EMAIL, "caio@example.com")
SECRET_OF_MARE: Final = "secret of the bank Mare"


@dataclass
class SwitchedReadiness:
    """Banks whose consumer groups take records, until a test says otherwise."""

    away: set[str] = field(default_factory=set)

    def is_ready(self, ispb: str) -> bool:
        return ispb not in self.away


@dataclass
class CourseWorld:
    hub: HubApplication
    course: CourseApplication
    clock: TurnedClock
    readiness: SwitchedReadiness
    store: CourseStore
    gateway: CourseGateway
    handle_hub: BatchHandler
    handle_course: BatchHandler
    to_mare: list[HubMessage] = field(default_factory=list)
    """What the bank of ours has got; it answers when a test says so."""
    lost: bool = False
    """Whether what the adapter publishes is lost from now on, as when its process ends after its transaction."""

    def say(self, topic: str, value: str | dict[str, Any]) -> list[tuple[str, str]]:
        """A course bank publishes; returns what the course banks get until nothing moves, as (topic, value)."""
        text = value if isinstance(value, str) else json.dumps(value)
        return self.pump([Record(topic, b"", text.encode())])

    def pump(self, records: Sequence[Record]) -> list[tuple[str, str]]:
        """Carries records to who reads their topics, and what these publish, until nothing moves."""
        to_course_banks = []
        waiting = list(records)
        while waiting:
            record = waiting.pop(0)
            if record.topic == HUB_TOPIC:
                waiting += self.handle_hub([record])
            elif record.topic in TOPICS:
                published = self.handle_course([record])
                waiting += [] if self.lost else published
            elif record.topic in COURSE_TOPICS:
                assert record.key == b"" and not record.headers
                to_course_banks.append((record.topic, record.value.decode()))
            else:
                self.to_mare.append(_read_as_mare(record))
        return to_course_banks

    def request(
        self, course_id: str, key: str = "ana@example.com", amount: str = "25", kind: str = "email", **more: Any
    ) -> list[tuple[str, str]]:
        """Paulo pays."""
        fields = {"id": course_id, "accountId": PAULO, "pixkeyto": key, "pixKeyKindTo": kind, "description": "coffee"}
        text = json.dumps(fields | more).removesuffix("}") + f', "amount": {amount}}}'
        return self.say(TRANSACTIONS, text)

    def confirm(self, pending: str, **changes: Any) -> list[tuple[str, str]]:
        """A course bank answers a `pending`."""
        return self.say(CONFIRMATIONS, json.dumps(json.loads(pending) | {"status": "confirmed"} | changes))

    def complete(self, confirmed: str) -> list[tuple[str, str]]:
        return self.say(CONFIRMATIONS, json.dumps(json.loads(confirmed) | {"status": "completed"}))

    def tell_hub(self, *messages: BankMessage) -> list[tuple[str, str]]:
        """The bank of ours says something."""
        key = signing_key(SECRET_OF_MARE)
        return self.pump([encode_record(message, HUB_TOPIC, MARE, key) for message in messages])

    def pay_from_mare(self, number: int, key: PixKey, amount_centavos: int) -> tuple[str, list[tuple[str, str]]]:
        """Caio pays; the end-to-end id, and what course banks got."""
        end_to_end_id = e2e(number, MARE, self.clock.at_ms)
        request = TransferRequested(end_to_end_id, amount_centavos, CAIO, key, "", "almoço", self.clock.at_ms)
        return end_to_end_id, self.tell_hub(request)

    def answer_as_mare(self) -> list[tuple[str, str]]:
        """The bank of ours accepts what it was offered, and books what was confirmed."""
        got: list[tuple[str, str]] = []
        while self.to_mare:
            message = self.to_mare.pop(0)
            if isinstance(message, TransferOffered):
                got += self.tell_hub(TransferAccepted(message.end_to_end_id, message.amount_centavos))
            elif isinstance(message, TransferConfirmed):
                e2e, side, amount = message.end_to_end_id, message.side, message.amount_centavos
                got += self.tell_hub(OutcomeProcessed(e2e, side, Outcome.CONFIRMED, amount, None))
        return got

    def sweep(self, later_ms: int = 0) -> list[tuple[str, str]]:
        """Time passes, and the adapter does what is due."""
        self.clock.at_ms += later_ms
        return self.pump(self.gateway.encode(self.course.adapter.sweep()))

    def expire(self, later_ms: int) -> list[tuple[str, str]]:
        """Time passes, and the hub fails what has expired."""
        self.clock.at_ms += later_ms
        gateway = hub_gateway(self.hub.queries.wire_keys, self.clock.now_ms)
        return self.pump(gateway.encode(self.hub.fail_expired()))

    def due_at_hub(self) -> list[Record]:
        """What the hub sends again now."""
        gateway = hub_gateway(self.hub.queries.wire_keys, self.clock.now_ms)
        return gateway.encode([*self.hub.fail_expired(), *self.hub.retransmit_due()])

    def retransmit_from_hub(self, later_ms: int) -> list[tuple[str, str]]:
        """Time passes, and the hub sends again what nobody has answered; there is something."""
        self.clock.at_ms += later_ms
        due = self.hub.retransmit_due()
        assert due, "the hub waits for an answer"
        return self.pump(hub_gateway(self.hub.queries.wire_keys, self.clock.now_ms).encode(due))

    def legs(self, kind: LegKind) -> list[Leg]:
        return [leg for leg in self.store.legs.values() if leg.kind is kind]

    def transfer(self, course_id: str) -> Transfer | None:
        """The hub's row of a course bank's payment."""
        leg = next((leg for leg in self.legs(LegKind.OUTGOING) if leg.course_id == course_id), None)
        if leg is None or not leg.end_to_end_id:
            return None
        return self.hub.queries.find_transfer(leg.end_to_end_id)[0]

    def dead_letters(self) -> list[str]:
        return [letter.reason for letter in self.store.dead_letters.list(None, 100)]

    def settlement(self) -> dict[str, int]:
        return {ispb: account.balance_centavos for ispb, account in self.hub.queries.settlement_accounts().items()}

    def register_keys_of_transcript(self) -> None:
        """As the transcript does before its first payment."""
        for kind, key, account_id in (
            ("email", "ana@example.com", ANA),
            ("email", "paulo@example.com", PAULO),
            ("cpf", "11144477735", PAULA),
        ):
            self.course.register_key(kind, key, account_id)
        self.clock.at_ms += KEY_AGE_MS_MIN


def make_course_world(
    edition: Edition = Edition.Y2023, timeout_ms: int | None = None, with_keys: bool = True
) -> CourseWorld:
    store = HubStore()
    units = MemoryUnitsOfWork(store)
    clock = TurnedClock(NOW_MS)
    hub = compose_hub(units, clock, Health(), POLICY, timeout_ms)
    course_store = CourseStore(store.dead_letters)
    readiness = SwitchedReadiness()
    course = compose_course(MemoryCourseUnits(course_store), units, hub, clock, clock, POLICY, readiness)
    for code, name in (("001", "BBX"), ("002", "CTER")):
        course.add_bank(code=code, name=name, edition=edition, settlement_funds_centavos=FUNDS)
    for account_id, code, number, owner in (
        (PAULO, "001", "1111", "User BBX 1"),
        (PAULA, "001", "2222", "User BBX 2"),
        (ANA, "002", "3333", "User CTER 1"),
        (BIA, "002", "4444", "User CTER 2"),
    ):
        course.add_account(code=code, account_id=account_id, number=number, owner_name=owner)
    mare = hub.add_bank(
        code="003", name="Banco Maré", color="#00798c", secret=SECRET_OF_MARE, settlement_funds_centavos=FUNDS
    )
    asked = hub.register_key.check(
        bank=mare,
        kind=CAIOS_KEY.kind,
        key=CAIOS_KEY.key,
        branch=CAIO.branch,
        account_number=CAIO.account_number,
        holder_name=CAIO.name,
        holder_kind=HolderKind.PERSON,
        holder_tax_id="52998224725",
        request_id="",
    )
    hub.register_key(asked)
    gateway = CourseGateway(hub.queries.wire_keys, course.queries.banks, clock.now_ms)
    world = CourseWorld(
        hub,
        course,
        clock,
        readiness,
        course_store,
        gateway,
        hub_handler(hub, clock.now_ms),
        gateway.handler(course.adapter),
    )
    if with_keys:
        world.register_keys_of_transcript()
    return world


def _read_as_mare(record: Record) -> HubMessage:
    assert record.topic == bank_topic("003")
    read = decode_record(record, lambda _: [signing_key(SECRET_OF_MARE)], MESSAGES_OF_HUB)
    assert isinstance(read, Arrival)
    message: Any = read.message
    return message  # type: ignore[no-any-return]
