"""A bank put together for a test: real use cases on given stores, a clock to turn, and a hub to speak for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from bank_sim.adapters.memory.hub import MemoryHub, MemoryPublisher
from bank_sim.application.demo_people import cpf_of
from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.use_cases import NO_LIMITS, BankApplication
from bank_sim.domain.account import Account, Payee
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.limits import LimitPolicy
from bank_sim.entrypoints.gateway import bank_gateway
from pix.scheme.deliveries import HUB, Arrival
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    MESSAGES_OF_BANKS,
    BankMessage,
    HubMessage,
    Message,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
)
from pix.scheme.messages.transfers import FromHub
from pix.scheme.people import HolderKind
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.protobuf_v1.codec import decode_record, encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.banks import AURORA, CPFS, IPE
from tests.support.clock import TurnedClock
from tests.support.participants import bank_handler, compose_bank

SECRET = "a-secret-of-the-tests"
POLICY = RetransmissionPolicy(first_ms=5_000, cap_ms=60_000)
STRANGER = Party(IPE.ispb, "0001", "000777-1", "Zélia Duncan Moreira", "***.111.222-**")
STRANGERS_KEY = PixKey(KeyKind.EMAIL, "zelia@ipe.example")


class World:
    """One bank, and everything that it meets."""

    def __init__(self, units: UnitsOfWork, limits: LimitPolicy = NO_LIMITS, **named: Any) -> None:
        """`named` goes to `compose` as it is."""
        self.units = units
        self.clock = TurnedClock()
        self.hub = MemoryHub(AURORA, self.clock)
        self.publisher = MemoryPublisher()
        self.random = Random(7)
        self.replayed: list[Record] = []
        """Answers to dead letters that were replayed."""
        self.bank: BankApplication = compose_bank(
            identity=AURORA,
            secret=SECRET,
            publish=self.replayed.extend,
            units=units,
            hub=self.hub,
            publisher=self.publisher,
            clock=self.clock,
            policy=POLICY,
            random=self.random,
            limits=limits,
            **named,
        )
        self.hub.payees[STRANGERS_KEY] = Payee(
            key=STRANGERS_KEY,
            name=STRANGER.name,
            tax_id_masked=STRANGER.tax_id_masked,
            holder_kind=HolderKind.PERSON,
            ispb=IPE.ispb,
            bank_code=IPE.code,
            bank_name=IPE.name,
        )
        self.handle = bank_handler(self.bank, SECRET)
        self._opened = 0
        self._ids = 0

    def open_account(self, balance_centavos: int = 100_00, name: str = "Ana Souza") -> Account:
        # Beyond the first ones any will do: a tax id has one account at a bank.
        tax_id = CPFS[self._opened] if self._opened < len(CPFS) else cpf_of(f"{300_000_000 + self._opened}")
        self._opened += 1
        return self.bank.open_account(name=name, tax_id=tax_id, opening_deposit_centavos=balance_centavos, pin="1234")

    def balance(self, account: Account) -> int:
        return self.bank.queries.find_account(account.number).balance_centavos

    def pay(
        self,
        account: Account,
        amount_centavos: int = 30_00,
        idempotency_key: str = "order-1",
        payee_key: PixKey = STRANGERS_KEY,
        description: str = "almoço",
    ) -> Transfer:
        return self.bank.request_transfer(
            account_number=account.number,
            payee_key=payee_key,
            amount_centavos=amount_centavos,
            description=description,
            idempotency_key=idempotency_key,
            payee_tax_id_masked=STRANGER.tax_id_masked,
            payee_name=STRANGER.name,
            payee_bank_name=IPE.name,
        )

    # The hub's words

    def offer(self, account: Account, amount_centavos: int = 20_00, end_to_end_id: str = "") -> TransferOffered:
        self._ids += 1
        return TransferOffered(
            end_to_end_id=end_to_end_id or f"E{IPE.ispb}202611231200{self._ids:011d}",
            amount_centavos=amount_centavos,
            payer=STRANGER,
            payee=account.as_party(AURORA.ispb),
            payee_key=PixKey(KeyKind.EMAIL, "ana@aurora.example"),
            description="aluguel",
            offered_at_ms=self.clock.now_ms(),
        )

    def confirmed(self, offer: TransferOffered, side: Side = Side.PAYEE) -> TransferConfirmed:
        return TransferConfirmed(
            end_to_end_id=offer.end_to_end_id,
            side=side,
            amount_centavos=offer.amount_centavos,
            payer=offer.payer,
            payee=offer.payee,
            payee_key=offer.payee_key,
            description=offer.description,
            confirmed_at_ms=self.clock.now_ms(),
        )

    def failed(
        self, offer: TransferOffered, reason: ReasonCode = ReasonCode.AB03, side: Side = Side.PAYEE
    ) -> TransferFailed:
        return TransferFailed(
            end_to_end_id=offer.end_to_end_id,
            side=side,
            reason=reason,
            amount_centavos=offer.amount_centavos,
            payer=offer.payer,
            payee=offer.payee,
            payee_key=offer.payee_key,
            description=offer.description,
            failed_at_ms=self.clock.now_ms(),
        )

    def outcome_of(self, transfer: Transfer, reason: ReasonCode | None = None) -> HubMessage:
        """The hub's decision for the payer's side: confirmed, or failed with a reason."""
        about = TransferOffered(
            end_to_end_id=transfer.end_to_end_id,
            amount_centavos=transfer.amount_centavos,
            payer=transfer.payer,
            payee=STRANGER,
            payee_key=transfer.payee_key,
            description=transfer.description,
            offered_at_ms=self.clock.now_ms(),
        )
        if reason is None:
            return self.confirmed(about, Side.PAYER)
        return replace(self.failed(about, reason, Side.PAYER), payee=None)

    # Records

    def record(self, message: HubMessage, offset: int = 0) -> Record:
        return replace(
            encode_record(message, bank_topic(AURORA.code), HUB, signing_key(SECRET)),
            partition=0,
            offset=offset,
        )

    def hear(self, *messages: HubMessage) -> list[BankMessage]:
        """The bank processes these as one batch; returns what it says to them."""
        records = [self.record(message, offset) for offset, message in enumerate(messages)]
        return read(self.handle(records))

    def sent(self) -> list[BankMessage]:
        """What the background publisher was given since the last time."""
        gateway = bank_gateway(AURORA.ispb, SECRET)
        replayed, self.replayed[:] = list(self.replayed), []
        return read([*gateway.encode(self.publisher.collect()), *replayed])

    def incoming(self, message: FromHub) -> Transfer:
        return self.bank.queries.find_transfer(message.end_to_end_id, Direction.INCOMING)

    def outgoing(self, transfer: Transfer) -> Transfer:
        return self.bank.queries.find_transfer(transfer.end_to_end_id, Direction.OUTGOING)

    def behave(self, behaviour: Behaviour) -> None:
        self.bank.choose_behaviour(behaviour=behaviour)


MakeWorld = Callable[[], World]


def read(records: Sequence[Record]) -> list[BankMessage]:
    """What the hub reads: every record must be signed by the bank and be one that a bank may send."""
    messages: list[BankMessage] = []
    for record in records:
        assert record.topic == HUB_TOPIC
        received = decode_record(
            record, lambda sender: [signing_key(SECRET)] if sender == AURORA.ispb else [], MESSAGES_OF_BANKS
        )
        assert isinstance(received, Arrival), received
        messages.append(as_bank_message(received.message))
    return messages


def as_bank_message(message: Message) -> BankMessage:
    assert not isinstance(message, HubMessage)
    return message
