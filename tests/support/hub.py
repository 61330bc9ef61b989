"""A hub on a real database with three banks that can speak to it, for tests of its transports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Engine

from hub.adapters.memory.tap import MemoryWire
from hub.adapters.message_tap import RecordMessageTap
from hub.adapters.postgres.histories import histories_of
from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from hub.application.live_messages import LiveMessages
from hub.application.use_cases import HubApplication
from hub.domain.bank import Bank
from hub.entrypoints.gateway import bank_peers
from pix.messaging.batches import BatchHandler
from pix.runtime.health import Health
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    BankMessage,
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.people import HolderKind
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.clock import TurnedClock
from tests.support.hub_builders import ANA, AURORA, BANKS, BIA, BIAS_KEY, IPE, MARE, NOW_MS, POLICY, e2e
from tests.support.participants import compose_hub, hub_handler

SECRETS = {ispb: f"secret of bank {ispb}" for ispb in (AURORA, IPE, MARE)}
FUNDS = 10_000_000
TIMEOUT_MS = 40_000

ANAS_KEY = PixKey(KeyKind.CPF, ANAS_CPF)


@dataclass
class World:
    """The hub, its clock, and the banks' voices."""

    application: HubApplication
    handle: BatchHandler
    clock: TurnedClock
    outgoing: list[Record] = field(default_factory=list)
    wire: MemoryWire = field(default_factory=MemoryWire)
    """Where what comes and goes may be watched."""

    def treat(self, *records: Record) -> Sequence[Record]:
        """The records come to the hub as one batch; what it answers is returned and kept."""
        answers = self.handle(list(records))
        self.outgoing += answers
        self.wire.pass_on([*records, *answers])
        return answers

    def watch(self) -> LiveMessages:
        """What a console watches."""
        return LiveMessages(self.decoder)

    def decoder(self) -> RecordMessageTap:
        """Reads messages as their receivers do."""
        return RecordMessageTap(self.wire.tap(), bank_peers(self.application.queries.wire_keys), self._codes)

    def _codes(self) -> dict[str, str]:
        return {bank.ispb: bank.code for bank in self.application.queries.list_banks()}

    def tell(self, sender: str, *messages: BankMessage) -> Sequence[Record]:
        """A bank says something, rightly signed; a moment passes."""
        self.clock.at_ms += 12
        return self.treat(*(signed(message, sender) for message in messages))

    def pay(self, number: int, payer: Party = ANA, key: PixKey = BIAS_KEY, amount: int = 12_345, text: str = "") -> str:
        """The payer's bank requests a transfer."""
        end_to_end_id = e2e(number, payer.ispb, self.clock.at_ms)
        self.tell(payer.ispb, TransferRequested(end_to_end_id, amount, payer, key, "", text, self.clock.at_ms - 9))
        return end_to_end_id

    def accept(self, end_to_end_id: str) -> None:
        """The payee's bank accepts to credit."""
        transfer, _ = self.application.queries.find_transfer(end_to_end_id)
        assert transfer.payee is not None
        self.tell(transfer.payee.ispb, TransferAccepted(end_to_end_id, transfer.amount_centavos))

    def reject(self, end_to_end_id: str, reason: ReasonCode) -> None:
        """The payee's bank rejects."""
        transfer, _ = self.application.queries.find_transfer(end_to_end_id)
        assert transfer.payee is not None
        self.tell(transfer.payee.ispb, TransferRejected(end_to_end_id, transfer.amount_centavos, reason))

    def note(self, end_to_end_id: str, *sides: Side) -> None:
        """The banks have processed the outcome."""
        transfer, _ = self.application.queries.find_transfer(end_to_end_id)
        outcome, reason = transfer.outcome, transfer.reason
        for side in sides:
            party = transfer.party(side)
            assert party is not None
            self.tell(
                party.ispb,
                OutcomeProcessed(end_to_end_id, side, outcome or Outcome.FAILED, transfer.amount_centavos, reason),
            )

    def complete(self, end_to_end_id: str) -> str:
        """All that is left until the transfer is completed."""
        self.accept(end_to_end_id)
        self.note(end_to_end_id, Side.PAYER, Side.PAYEE)
        return end_to_end_id


def signed(message: BankMessage, sender: str, secret: str | None = None, topic: str = HUB_TOPIC) -> Record:
    """A bank's record, with its own secret or another."""
    return encode_record(message, topic, sender, signing_key(secret or SECRETS[sender]))


def hub_on(engine: Engine, health: Health | None = None, tally_slot: int | None = None) -> World:
    """A hub on a migrated database: the first, or one more replica."""
    clock = TurnedClock(NOW_MS)
    replayed: list[Record] = []
    application = compose_hub(
        PostgresUnitsOfWork(engine, tally_slot),
        clock,
        health or Health(),
        POLICY,
        TIMEOUT_MS,
        publish=replayed.extend,
        histories=histories_of(engine),
    )
    return World(application, hub_handler(application, clock.now_ms), clock, replayed)


def make_world(engine: Engine, health: Health | None = None) -> World:
    """A hub with three banks and two keys on an empty, migrated database."""
    world = hub_on(engine, health)
    added: dict[str, Bank] = {}
    for bank in BANKS.values():
        added[bank.ispb] = world.application.add_bank(
            code=bank.code,
            name=bank.name,
            color=bank.color,
            secret=SECRETS[bank.ispb],
            settlement_funds_centavos=FUNDS,
        )
    register(world.application, added[IPE], BIAS_KEY, BIA, BRUNOS_CPF)
    register(world.application, added[AURORA], ANAS_KEY, ANA, ANAS_CPF)
    return world


def register(
    application: HubApplication, bank: Bank, key: PixKey, party: Party, tax_id: str, request_id: str = ""
) -> None:
    """A key for a person."""
    register_key = application.register_key
    asked = register_key.check(
        bank=bank,
        kind=key.kind,
        key=key.key,
        branch=party.branch,
        account_number=party.account_number,
        holder_name=party.name,
        holder_kind=HolderKind.PERSON,
        holder_tax_id=tax_id,
        request_id=request_id or str(UUID(int=1)),
    )
    register_key(asked)
