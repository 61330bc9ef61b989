"""What a merchant orders of a charge, and the charge that follows.

Source: the Central Bank's API Pix, PUT, POST and PATCH of Cob and CobV, and the notes on `revisao`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TypeVar

from bank_sim.domain.charges.errors import ChargeNotActive, RemovalWithChanges, TxidTaken
from bank_sim.domain.charges.model import (
    Charge,
    ChargeKind,
    ChargeStatus,
    Debtor,
    Detail,
    Discount,
    DueDate,
    Immediate,
    Modality,
)
from pix.scheme.errors import SchemeError
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object

Value = TypeVar("Value")


@value_object
class ChargeOrder:
    """A whole charge as the merchant wants it (PUT, POST). The payee is the holder of the account."""

    account_number: str
    kind: ChargeKind
    key: PixKey
    amount_centavos: int
    terms: Immediate | DueDate
    txid: str = ""
    """Empty: the bank makes one (POST)."""
    debtor: Debtor | None = None
    payer_request: str = ""
    details: tuple[Detail, ...] = ()
    location_id: int | None = None
    """None: the charge keeps the one that it has, or gets a new one."""


@value_object
class ChargeChange:
    """What a merchant changes of a charge (PATCH); None leaves it as it is."""

    key: PixKey | None = None
    amount_centavos: int | None = None
    debtor: Debtor | None = None
    payer_request: str | None = None
    details: tuple[Detail, ...] | None = None
    location_id: int | None = None
    """Another location, which the charge uses from now on."""
    is_removed: bool = False
    """`status` REMOVIDA_PELO_USUARIO_RECEBEDOR; goes with no other change."""
    # Of a cob
    expiry_seconds: int | None = None
    payer_may_change_amount: bool | None = None
    # Of a cobv
    due_day: date | None = None
    valid_days_after: int | None = None
    fine: Modality | None = None
    interest: Modality | None = None
    rebate: Modality | None = None
    discount: Discount | None = None


def new_charge(order: ChargeOrder, tax_id: str, txid: str, now_ms: int, batch_id: str = "") -> Charge:
    """The charge that an order makes, without a location yet."""
    return Charge(
        tax_id=tax_id,
        txid=txid,
        kind=order.kind,
        account_number=order.account_number,
        key=order.key,
        amount_centavos=order.amount_centavos,
        terms=order.terms,
        created_at_ms=now_ms,
        debtor=order.debtor,
        payer_request=order.payer_request,
        details=order.details,
        batch_id=batch_id,
    )


def check_replaceable(charge: Charge, kind: ChargeKind) -> None:
    """Raises TxidTaken for a charge of the other kind, ChargeNotActive for one that is paid or removed."""
    if charge.kind is not kind:
        raise TxidTaken
    if not charge.is_active:
        raise ChargeNotActive


def replaced(charge: Charge, order: ChargeOrder) -> Charge:
    """An active charge after a PUT: it keeps its creation, and its reservation while a payment is on its way.

    The same order again changes nothing, so a request may be repeated. Raises TxidTaken, ChargeNotActive.
    """
    check_replaceable(charge, order.kind)
    return _revised(
        charge,
        replace(
            charge,
            account_number=order.account_number,
            key=order.key,
            amount_centavos=order.amount_centavos,
            terms=order.terms,
            debtor=order.debtor,
            payer_request=order.payer_request,
            details=order.details,
        ),
    )


def changed(charge: Charge, change: ChargeChange) -> Charge:
    """An active charge after a PATCH.

    One that is removed keeps its location, whose payload then says that the charge is gone. Raises ChargeNotActive,
    RemovalWithChanges, and SchemeError(field="terms") for a term of the other kind.
    """
    if not charge.is_active:
        raise ChargeNotActive
    if change.is_removed:
        if change != ChargeChange(is_removed=True):
            raise RemovalWithChanges
        return _revised(charge, replace(charge, status=ChargeStatus.REMOVED_BY_PAYEE))
    return _revised(
        charge,
        replace(
            charge,
            key=change.key or charge.key,
            amount_centavos=_or(change.amount_centavos, charge.amount_centavos),
            terms=_changed_terms(charge.terms, change),
            debtor=change.debtor or charge.debtor,
            payer_request=_or(change.payer_request, charge.payer_request),
            details=_or(change.details, charge.details),
            location_id=_or(change.location_id, charge.location_id),
        ),
    )


def _changed_terms(terms: Immediate | DueDate, change: ChargeChange) -> Immediate | DueDate:
    of_cob = (change.expiry_seconds, change.payer_may_change_amount)
    of_cobv = (
        change.due_day, change.valid_days_after, change.fine, change.interest, change.rebate, change.discount
    )  # fmt: skip
    others = of_cobv if isinstance(terms, Immediate) else of_cob
    if any(each is not None for each in others):
        raise SchemeError("terms", "This term belongs to charges of the other kind.")
    if isinstance(terms, Immediate):
        return Immediate(
            _or(change.expiry_seconds, terms.expiry_seconds),
            _or(change.payer_may_change_amount, terms.payer_may_change_amount),
        )
    return DueDate(
        due_day=change.due_day or terms.due_day,
        valid_days_after=_or(change.valid_days_after, terms.valid_days_after),
        fine=change.fine or terms.fine,
        interest=change.interest or terms.interest,
        rebate=change.rebate or terms.rebate,
        discount=change.discount or terms.discount,
    )


def _or(new: Value | None, old: Value) -> Value:
    return old if new is None else new


def _revised(before: Charge, after: Charge) -> Charge:
    """Another location alone makes no revision."""
    is_same = replace(after, location_id=before.location_id) == before
    return after if is_same else replace(after, revision=before.revision + 1)
