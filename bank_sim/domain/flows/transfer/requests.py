"""The payer's side: a customer's order, and the row that it becomes."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.account import Account
from bank_sim.domain.errors import PayerIsPayee
from bank_sim.domain.flows.flow import BANK
from bank_sim.domain.flows.transfer.model import Transfer, Trigger, next_status
from pix.scheme.checks import check_party
from pix.scheme.errors import SchemeError
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation, check_txid, is_same_initiation
from pix.scheme.keys import PixKey, normalize_key
from pix.scheme.messages import Party, Side, TransferConfirmed, TransferFailed, account_of
from pix.scheme.money import check_amount
from pix.scheme.people import check_masked_tax_id
from pix.scheme.postings import Direction
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.texts import check_description, check_line
from pix.scheme.values import value_object

IDEMPOTENCY_KEY_LENGTH_MAX: Final = 100
SHOWN_NAME_LENGTH_MAX: Final = 100


@value_object
class TransferOrder:
    """A customer's order to pay: to a key, or to an account that the payer typed (MANU).

    `payee_tax_id_masked`, `payee_name` and `payee_bank_name` are what the payer was shown before confirming, if
    anything.
    """

    account_number: str
    payee_key: PixKey | None
    amount_centavos: int
    description: str
    idempotency_key: str
    payee_tax_id_masked: str = ""
    payee_name: str = ""
    payee_bank_name: str = ""
    traceparent: str = ""
    payee: Party | None = None
    """As the payer typed it; None for a key."""
    initiation: Initiation = Initiation.DICT
    txid: str = ""


def check_order(order: TransferOrder) -> TransferOrder:
    """Return the order with its texts in stored form.

    Raises SchemeError(field="amount_centavos" | "description" | "idempotency_key" | "payee_tax_id_masked" | "txid" |
    "payee_key" | "payee.name" | …).
    """
    check_amount(order.amount_centavos)
    if order.initiation is Initiation.MANU:
        if order.payee is None or order.payee_key is not None:
            raise SchemeError("payee", "Give either a key or the recipient's bank, branch and account.")
        check_party(order.payee, "payee")
    elif order.payee_key is None or order.payee is not None:
        raise SchemeError("payee_key", "Give either a key or the recipient's bank, branch and account.")
    if order.payee_tax_id_masked:
        check_masked_tax_id(order.payee_tax_id_masked, "payee_tax_id_masked")
    return TransferOrder(
        account_number=order.account_number,
        payee_key=None if order.payee_key is None else normalize_key(order.payee_key.kind, order.payee_key.key),
        amount_centavos=order.amount_centavos,
        description=check_description(order.description),
        idempotency_key=check_line(order.idempotency_key, "idempotency_key", 1, IDEMPOTENCY_KEY_LENGTH_MAX),
        payee_tax_id_masked=order.payee_tax_id_masked,
        payee_name=check_line(order.payee_name, "payee_name", 0, SHOWN_NAME_LENGTH_MAX),
        payee_bank_name=check_line(order.payee_bank_name, "payee_bank_name", 0, SHOWN_NAME_LENGTH_MAX),
        traceparent=order.traceparent,
        payee=order.payee,
        initiation=order.initiation,
        txid=check_txid(order.txid, order.initiation),
    )


def is_same_order(transfer: Transfer, order: TransferOrder) -> bool:
    """Whether a checked order has the content of the transfer that its idempotency key has made before."""
    return (
        transfer.account_number == order.account_number
        and transfer.payee_key == order.payee_key
        and transfer.amount_centavos == order.amount_centavos
        and transfer.description == order.description
        and transfer.typed_payee == order.payee
        and is_same_initiation(transfer.initiation, transfer.txid, order.initiation, order.txid)
    )


def request(
    order: TransferOrder,
    account: Account,
    key_owner: str | None,
    end_to_end_id: str,
    ispb: str,
    now_ms: int,
    real_now_ms: int,
    policy: RetransmissionPolicy,
) -> Transfer:
    """The row that a checked order becomes. `key_owner` is the account of ours that has the key, if one has.

    `postings` has the debit. Raises PayerIsPayee, and SchemeError(field="payer.name") for a holder whose name is older
    than the present check: the hub would reject it, so nothing is debited.
    """
    payer = account.as_party(ispb)
    if key_owner == account.number:
        raise PayerIsPayee
    if order.payee is not None and account_of(order.payee) == account_of(payer):
        raise PayerIsPayee(is_typed=True)
    check_party(payer, "payer")
    status = next_status(Direction.OUTGOING, None, Trigger.REQUEST)
    return Transfer(
        end_to_end_id=end_to_end_id,
        direction=Direction.OUTGOING,
        status=status,
        amount_centavos=order.amount_centavos,
        account_number=account.number,
        payer=payer,
        payee_key=order.payee_key,
        description=order.description,
        payee_tax_id_masked=order.payee_tax_id_masked,
        payee_name=order.payee_name,
        payee_bank_name=order.payee_bank_name,
        payee=order.payee,
        initiation=order.initiation,
        txid=order.txid,
        requested_at_ms=now_ms,
        resend_at_ms=real_now_ms + policy.delay_ms(end_to_end_id, 0),
        idempotency_key=order.idempotency_key,
        traceparent=order.traceparent,
        history=(Step(now_ms, BANK, Trigger.REQUEST, Side.PAYER, status),),
    )


def requested_before(outcome: TransferConfirmed | TransferFailed, now_ms: int) -> Transfer:
    """The row of a request that a backup lacks, as far as the hub's outcome has it.

    The idempotency key is lost, and what the payer was shown.
    """
    status = next_status(Direction.OUTGOING, None, Trigger.REQUEST)
    return Transfer(
        end_to_end_id=outcome.end_to_end_id,
        direction=Direction.OUTGOING,
        status=status,
        amount_centavos=outcome.amount_centavos,
        account_number=outcome.payer.account_number,
        payer=outcome.payer,
        payee_key=outcome.payee_key,
        description=outcome.description,
        payee=outcome.payee if outcome.payee_key is None else None,
        initiation=outcome.initiation,
        txid=outcome.txid,
        requested_at_ms=now_ms,
        history=(Step(now_ms, BANK, Trigger.REQUEST, Side.PAYER, status),),
    )
