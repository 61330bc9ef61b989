"""The payload of a location, as this bank shows it to a payer's bank."""

from __future__ import annotations

from datetime import date
from typing import Final

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.charges.amounts import amount_of_day, last_day_to_pay
from bank_sim.domain.charges.errors import PayloadExpired, PayloadNotFound, PaymentDayInPast, PaymentDayTooLate
from bank_sim.domain.charges.model import Charge, ChargeKind, DueDate, Immediate
from bank_sim.domain.charges.payload import AmountShown, ChargePayload, PayeeShown
from pix.runtime.clock import SchemeClock
from pix.scheme.days import day_of

TOKEN_LENGTH_MAX: Final = 77


class ReadPayload:
    """Shows the charge that a location serves. One that is paid or removed is shown with its status."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock

    def __call__(self, token: str, kind: ChargeKind, day: date | None = None) -> ChargePayload:
        """`day` is the São Paulo day on which a charge with a due date is to be paid (`DPP`); None: today.

        Raises PayloadNotFound for a token that serves no charge of this kind, PayloadExpired for a cobv that cannot be
        paid any more, PaymentDayInPast, PaymentDayTooLate.
        """
        if len(token) > TOKEN_LENGTH_MAX or not token.isascii() or not token.isalnum():
            # A text that cannot be a token is not looked up: the database may refuse it.
            raise PayloadNotFound
        with self._units() as unit:
            found = unit.charges.find_by_location(token)
            if found is None or found[1] is None or found[0].kind is not kind:
                raise PayloadNotFound
            charge = found[1]
            account = unit.accounts.find(charge.account_number)
        if account is None:
            raise PayloadNotFound
        now_ms = self._scheme_clock.now_ms()
        return payload_of(charge, account, self._day(charge, day, day_of(now_ms)), now_ms)

    def _day(self, charge: Charge, day: date | None, today: date) -> date:
        if isinstance(charge.terms, Immediate):
            return today
        if day is not None and day < today:
            raise PaymentDayInPast
        if charge.is_active and (day or today) > last_day_to_pay(charge.terms):
            raise PayloadExpired if today > last_day_to_pay(charge.terms) else PaymentDayTooLate
        return day or today


def payload_of(charge: Charge, payee: Account, day: date, now_ms: int) -> ChargePayload:
    """What a charge asks for on a day."""
    amount = amount_of_day(charge, day)
    terms = charge.terms
    dated = terms if isinstance(terms, DueDate) else None
    immediate = terms if isinstance(terms, Immediate) else None
    return ChargePayload(
        kind=charge.kind,
        txid=charge.txid,
        revision=charge.revision,
        status=charge.status,
        key=charge.key,
        amount=AmountShown(
            original_centavos=amount.original,
            final_centavos=amount.final,
            fine_centavos=amount.fine,
            interest_centavos=amount.interest,
            rebate_centavos=amount.rebate,
            discount_centavos=amount.discount,
        ),
        created_at_ms=charge.created_at_ms,
        shown_at_ms=now_ms,
        payer_may_change_amount=immediate is not None and immediate.payer_may_change_amount,
        expiry_seconds=None if immediate is None else immediate.expiry_seconds,
        due_day=None if dated is None else dated.due_day,
        valid_days_after=0 if dated is None else dated.valid_days_after,
        debtor=charge.debtor,
        payee=None if dated is None else PayeeShown(payee.holder_name, payee.tax_id),
        payer_request=charge.payer_request,
        details=charge.details,
    )
