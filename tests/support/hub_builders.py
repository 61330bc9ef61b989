"""What the tests of the hub talk about: three banks, a person with a key at each, and the messages between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.flows.flow import Facts, Network
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.domain.settlement import SettlementAccount
from pix.scheme.features import FEATURES
from pix.scheme.ids import make_end_to_end_id
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
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
from pix.scheme.retransmission import RetransmissionPolicy
from tests.support import banks

NOW_MS = 1_790_000_000_000
POLICY = RetransmissionPolicy(first_ms=1_000, cap_ms=8_000)
AMOUNT = 12_345
FUNDS = 1_000_000

AURORA, IPE, MARE = (bank.ispb for bank in banks.BANKS)
STRANGER = "00000099"

BANKS = {bank.ispb: Bank(bank.ispb, bank.code, bank.name, bank.color, features=FEATURES) for bank in banks.BANKS}

ANA = Party(AURORA, "0001", "100001-1", "Ana Souza", "***.982.247-**")
BIA = Party(IPE, "0001", "200002-2", "Bia Lima", "***.444.777-**")
CAIO = Party(AURORA, "0001", "100003-3", "Caio Dias", "***.111.222-**")

BIAS_KEY = PixKey(KeyKind.EMAIL, "bia@example.com")
CAIOS_KEY = PixKey(KeyKind.EMAIL, "caio@example.com")
ANAS_KEY = PixKey(KeyKind.EMAIL, "ana@example.com")
NOBODYS_KEY = PixKey(KeyKind.EMAIL, "nobody@example.com")


def key_entry(key: PixKey, party: Party, registered_at_ms: int = NOW_MS, request_id: str = "") -> KeyEntry:
    """A key that pays into the account of a party."""
    return KeyEntry(
        key,
        party.ispb,
        party.branch,
        party.account_number,
        party.name,
        HolderKind.PERSON,
        party.tax_id_masked,
        registered_at_ms,
        request_id,
    )


KEYS = {entry.key: entry for entry in (key_entry(BIAS_KEY, BIA), key_entry(CAIOS_KEY, CAIO), key_entry(ANAS_KEY, ANA))}


def network(**changes: Any) -> Network:
    """The three banks with money, and the keys of the people."""
    plain = Network(BANKS, KEYS, {ispb: SettlementAccount(ispb, FUNDS, 0) for ispb in BANKS})
    return replace(plain, **changes)


def facts(sender: str, surroundings: Network | None = None, now_ms: int = NOW_MS, **changes: Any) -> Facts:
    """What a decision on a message of the sender depends on."""
    return Facts(sender, surroundings or network(), now_ms, changes.pop("real_now_ms", now_ms), POLICY, **changes)


def e2e(number: int = 1, ispb: str = AURORA, at_ms: int = NOW_MS) -> str:
    """An end-to-end id of the bank; each number another."""
    return make_end_to_end_id(ispb, datetime.fromtimestamp(at_ms / 1000, UTC), f"{number:011d}")


def requested(**changes: Any) -> TransferRequested:
    """Ana of Banco Aurora asks to pay Bia of Banco Ipê."""
    plain = TransferRequested(
        end_to_end_id=e2e(),
        amount_centavos=AMOUNT,
        payer=ANA,
        payee_key=BIAS_KEY,
        payee_tax_id_masked=BIA.tax_id_masked,
        description="almoço",
        requested_at_ms=NOW_MS - 40,
    )
    return replace(plain, **changes)


def typed(payee: Party = BIA, **changes: Any) -> TransferRequested:
    """Ana types Bia's account instead of a key."""
    manual = {"payee_key": None, "payee": payee, "payee_tax_id_masked": payee.tax_id_masked}
    return requested(**{**manual, "initiation": Initiation.MANU, **changes})


def accepted(amount_centavos: int = AMOUNT) -> TransferAccepted:
    """Bia's bank promises to credit."""
    return TransferAccepted(e2e(), amount_centavos)


def rejected(reason: ReasonCode = ReasonCode.AC06, amount_centavos: int = AMOUNT) -> TransferRejected:
    """Bia's bank refuses."""
    return TransferRejected(e2e(), amount_centavos, reason)


def processed(
    side: Side,
    outcome: Outcome = Outcome.CONFIRMED,
    reason: ReasonCode | None = None,
    amount_centavos: int = AMOUNT,
) -> OutcomeProcessed:
    """The bank on a side has processed the outcome."""
    return OutcomeProcessed(e2e(), side, outcome, amount_centavos, reason)


def transfer(**changes: Any) -> Transfer:
    """Ana's transfer as it stands when it was just offered."""
    plain = Transfer(
        end_to_end_id=e2e(),
        status=TransferStatus.PENDING,
        reason=None,
        amount_centavos=AMOUNT,
        payer=ANA,
        payee=BIA,
        payee_key=BIAS_KEY,
        payee_tax_id_masked=BIA.tax_id_masked,
        description="almoço",
        requested_at_ms=NOW_MS - 40,
        received_at_ms=NOW_MS,
        offered_at_ms=NOW_MS,
        resend_at_ms=NOW_MS + 1_000,
    )
    return replace(plain, **changes)


def confirmed(**changes: Any) -> Transfer:
    """The same after Bia's bank accepted it."""
    return transfer(status=TransferStatus.CONFIRMED, decided_at_ms=NOW_MS + 10, **changes)


def completed(**changes: Any) -> Transfer:
    """The same after both banks have processed that."""
    plain = replace(
        confirmed(),
        status=TransferStatus.COMPLETED,
        payer_processed_at_ms=NOW_MS + 20,
        payee_processed_at_ms=NOW_MS + 21,
        closed_at_ms=NOW_MS + 21,
        resend_at_ms=None,
    )
    return replace(plain, **changes)


def failed(reason: ReasonCode = ReasonCode.AC06, **changes: Any) -> Transfer:
    """The same after Bia's bank refused it."""
    return transfer(status=TransferStatus.FAILED, reason=reason, decided_at_ms=NOW_MS + 10, **changes)


def failed_at_once(reason: ReasonCode = ReasonCode.AM04, **changes: Any) -> Transfer:
    """A transfer that the hub refused by a rule of its own: nobody was offered it."""
    return transfer(status=TransferStatus.FAILED, reason=reason, decided_at_ms=NOW_MS, offered_at_ms=None, **changes)
