"""What a payer of this bank learns from a code."""

from __future__ import annotations

from datetime import date, timedelta

from bank_sim.application.payable_codes.read_code import ReadCode
from bank_sim.domain.charges.amounts import last_day_to_pay
from bank_sim.domain.charges.model import DueDate
from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.sandbox.plans import PaymentTerms
from pix.scheme.days import start_of_day_ms


class ReadCodeTerms:
    """Reads static and dynamic codes, as the pay pages do. See `bank_sim.application.sandbox.ports.ReadTerms`."""

    def __init__(self, read_code: ReadCode) -> None:
        self._read_code = read_code

    def __call__(self, code: str, day: date | None) -> PaymentTerms:
        """Raises what `ReadCode` raises."""
        read = self._read_code(code, day)
        payload = read.payload
        return PaymentTerms(
            key=read.key,
            payee_name=read.payee.name,
            payee_bank_name=read.payee.bank_name,
            payee_tax_id_masked=read.payee.tax_id_masked,
            amount_centavos=read.amount_centavos,
            initiation=read.initiation,
            txid=read.txid,
            description=read.description,
            expires_at_ms=None if payload is None else _expiry_of(payload),
            debtor_tax_id=payload.debtor.tax_id if payload is not None and payload.debtor is not None else "",
        )


def _expiry_of(payload: ChargePayload) -> int | None:
    """From when on a charge can be paid no longer; of one with a due date, the day after its last one."""
    if payload.expires_at_ms is not None or payload.due_day is None:
        return payload.expires_at_ms
    last = last_day_to_pay(DueDate(payload.due_day, payload.valid_days_after))
    return start_of_day_ms(last + timedelta(days=1))
