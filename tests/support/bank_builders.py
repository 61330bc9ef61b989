"""Values that the tests of the bank's domain start from."""

from __future__ import annotations

from dataclasses import replace

from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.flows.flow import BANK, Facts
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus, Trigger
from pix.scheme.deliveries import HUB
from pix.scheme.flows import Step
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side, TransferConfirmed, TransferFailed, TransferOffered
from pix.scheme.people import HolderKind
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from tests.support.banks import ANAS_CPF, AURORA, IPE
from tests.support.clock import NOON_MS

NOW_MS = NOON_MS
ISPB, OTHER_ISPB = AURORA.ispb, IPE.ispb
POLICY = RetransmissionPolicy(first_ms=5_000, cap_ms=60_000)
END_TO_END_ID = "E0000000220261122120012345678901"
KEY = PixKey(KeyKind.EMAIL, "ana@aurora.example")
AMOUNT = 20_00

ANA = Account(
    number="100001-2",
    holder_name="Ana Souza",
    holder_kind=HolderKind.PERSON,
    tax_id=ANAS_CPF,
    status=AccountStatus.ACTIVE,
    balance_centavos=100_00,
    opened_at_ms=NOW_MS,
)
ANA_PARTY = ANA.as_party(ISPB)
STRANGER = Party(OTHER_ISPB, "0001", "000777-1", "Zélia Moreira", "***.111.222-**")


def facts(account: Account | None = ANA, now_ms: int = NOW_MS, behaviour: Behaviour | None = None) -> Facts:
    return Facts(ISPB, now_ms, now_ms, POLICY, behaviour or Behaviour(), account, "00-trace-01")


def offered(amount_centavos: int = AMOUNT) -> TransferOffered:
    return TransferOffered(END_TO_END_ID, amount_centavos, STRANGER, ANA_PARTY, KEY, "aluguel", NOW_MS)


def confirmed(side: Side = Side.PAYEE) -> TransferConfirmed:
    payer, payee = (STRANGER, ANA_PARTY) if side is Side.PAYEE else (ANA_PARTY, STRANGER)
    return TransferConfirmed(END_TO_END_ID, side, AMOUNT, payer, payee, KEY, "aluguel", NOW_MS)


def failed(side: Side = Side.PAYEE, reason: ReasonCode = ReasonCode.AB03) -> TransferFailed:
    payer, payee = (STRANGER, ANA_PARTY) if side is Side.PAYEE else (ANA_PARTY, STRANGER)
    return TransferFailed(END_TO_END_ID, side, reason, AMOUNT, payer, payee, KEY, "aluguel", NOW_MS)


def outgoing(status: TransferStatus = TransferStatus.PENDING) -> Transfer:
    is_decided = status is not TransferStatus.PENDING
    return Transfer(
        end_to_end_id=END_TO_END_ID,
        direction=Direction.OUTGOING,
        status=status,
        reason=ReasonCode.AB03 if status is TransferStatus.FAILED else None,
        amount_centavos=AMOUNT,
        account_number=ANA.number,
        payer=ANA_PARTY,
        payee_key=KEY,
        description="aluguel",
        payee_tax_id_masked=STRANGER.tax_id_masked,
        payee_name=STRANGER.name,
        payee_bank_name="Banco Ipê",
        requested_at_ms=NOW_MS,
        decided_at_ms=NOW_MS if is_decided else None,
        resend_at_ms=None if is_decided else NOW_MS + 5_000,
        idempotency_key="order-1",
        history=(Step(NOW_MS, BANK, Trigger.REQUEST, Side.PAYER, TransferStatus.PENDING),),
    )


def incoming(status: TransferStatus = TransferStatus.ACCEPTED) -> Transfer:
    is_decided = status in (TransferStatus.CONFIRMED, TransferStatus.FAILED)
    reasons = {TransferStatus.REJECTED: ReasonCode.AC06, TransferStatus.FAILED: ReasonCode.AB03}
    return Transfer(
        end_to_end_id=END_TO_END_ID,
        direction=Direction.INCOMING,
        status=status,
        reason=reasons.get(status),
        amount_centavos=AMOUNT,
        account_number=ANA.number,
        payer=STRANGER,
        payee=ANA_PARTY,
        payee_key=KEY,
        description="aluguel",
        requested_at_ms=NOW_MS,
        answered_at_ms=NOW_MS,
        decided_at_ms=NOW_MS if is_decided else None,
        resend_at_ms=None if is_decided else NOW_MS + 5_000,
        history=(Step(NOW_MS, HUB, Trigger.OFFER, Side.PAYEE, TransferStatus.ACCEPTED),),
    )


def in_status(account: Account, status: AccountStatus) -> Account:
    return replace(account, status=status)
