"""The small bank of lab/broken_banks in this process: records go in by hand, and what it publishes is a list."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.broken_banks.bank import Bank
from lab.broken_banks.defects import Defect
from lab.broken_banks.hub import Funding, Payee
from lab.broken_banks.ledger import Account
from lab.broken_banks.settings import Settings
from pix.scheme.deliveries import HUB
from pix.scheme.keys import KeyKind, PixKey, normalize_key
from pix.scheme.messages import (
    BankMessage,
    HubMessage,
    Party,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
)
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record

CODE, ISPB, SECRET = "501", "00000501", "a-secret-of-the-small-bank"
OTHER = Party("00000502", "0001", "700001-1", "Bia Rocha", "***.444.777-**")
OTHER_KEY = PixKey(KeyKind.EMAIL, "bia@example.com")
OWN_KEY = PixKey(KeyKind.EMAIL, "ana@example.com")
NOW_MS = 1_764_000_000_000
CPF = "52998224725"


class Directory:
    """Stands for the hub's gRPC: knows every key, as one of another bank."""

    def __init__(self) -> None:
        self.registered: list[tuple[PixKey, str, str]] = []
        """Key, account and the holder's number, as the bank has named it."""

    def find_key(self, _: PixKey) -> Payee:
        return Payee(OTHER.ispb, OTHER.tax_id_masked)

    def register_key(
        self, kind: KeyKind, value: str, _branch: str, number: str, _name: str, tax_id: str, request_id: str
    ) -> PixKey:
        assert request_id
        key = normalize_key(kind, value)
        self.registered.append((key, number, tax_id))
        return key

    def fundings(self) -> list[Funding]:
        return [Funding("5a1c9a53-7d1f-4d0d-9f0c-0a4a5b0f5f10", 1_000_000)]


@dataclass
class SmallBank:
    """A bank and what it has published; `restart` keeps the file alone."""

    folder: Path
    defects: frozenset[Defect] = frozenset()
    kind: type[Bank] = Bank
    published: list[BankMessage] = field(default_factory=list)
    directory: Directory = field(default_factory=Directory)
    bank: Bank = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self.restart()

    def restart(self) -> None:
        settings = Settings(
            code=CODE,
            ispb=ISPB,
            name="Banco Pequeno",
            color="#5c6770",
            secret=SECRET,
            hub_address="127.0.0.1:1",
            kafka_servers="127.0.0.1:1",
            http_host="127.0.0.1",
            http_port=1,
            folder=self.folder,
            retransmission=RetransmissionPolicy(first_ms=1, cap_ms=1),
        )
        if hasattr(self, "bank"):
            self.bank.ledger.close()
        self.bank = self.kind(settings, self.directory, self.published.extend, lambda: None, self.defects)  # type: ignore[arg-type]
        self.bank.mirror_settlement()

    def open_account(self, centavos: int = 0) -> Account:
        return self.bank.open_account("Ana Souza", CPF, "CACC", centavos)

    def receive(self, *messages: HubMessage) -> list[BankMessage]:
        """What the bank publishes for a batch of signed messages of the hub."""
        return self.receive_records([self.record(message) for message in messages])

    def receive_records(self, records: Sequence[Record]) -> list[BankMessage]:
        self.published.clear()
        self.bank.receive(records)
        return list(self.published)

    def record(self, message: HubMessage, secret: str = SECRET) -> Record:
        return encode_record(message, self.bank.settings.topic, HUB, signing_key(secret))

    def new_id(self, ispb: str = OTHER.ispb) -> str:
        return f"E{ispb}202511291200{next(self._numbers):011d}"

    def balance(self, account: Account) -> int:
        return self.bank.account(account.number).balance_centavos

    def reasons(self) -> list[str]:
        """Why records have become dead letters."""
        return [str(letter["reason"]) for letter in self.bank.ledger.dead_letters()]

    def offer(self, account: Account, centavos: int = 1_500, row_id: str = "") -> TransferOffered:
        payee = account.as_party(ISPB)
        return TransferOffered(row_id or self.new_id(), centavos, OTHER, payee, OWN_KEY, "Almoço", NOW_MS)


def confirmation(offer: TransferOffered, centavos: int | None = None) -> TransferConfirmed:
    amount = offer.amount_centavos if centavos is None else centavos
    return TransferConfirmed(
        offer.end_to_end_id,
        Side.PAYEE,
        amount,
        offer.payer,
        offer.payee,
        offer.payee_key,
        offer.description,
        NOW_MS,
    )


def failure(offer: TransferOffered, reason: ReasonCode = ReasonCode.AB03) -> TransferFailed:
    return TransferFailed(
        offer.end_to_end_id,
        Side.PAYEE,
        reason,
        offer.amount_centavos,
        offer.payer,
        offer.payee,
        offer.payee_key,
        offer.description,
        NOW_MS,
    )
