"""What a payer of this bank learns from a code."""

from __future__ import annotations

from datetime import date

from bank_sim.application.find_payee import FindPayee
from bank_sim.domain.sandbox.plans import PaymentTerms
from pix.scheme import brcode
from pix.scheme.initiation import Initiation, static_txid
from pix.scheme.keys import parse_stored_key
from pix.scheme.texts import check_description


class ReadStaticTerms:
    """Reads static codes."""

    def __init__(self, find_payee: FindPayee) -> None:
        self._find_payee = find_payee

    def __call__(self, code: str, day: date | None) -> PaymentTerms:  # noqa: ARG002 - the port's
        """A static code asks for the same on every `day`. Raises SchemeError, KeyNotFound, HubUnavailable."""
        read = brcode.decode(code)
        payee = self._find_payee(key=parse_stored_key(read.key))
        return PaymentTerms(
            key=parse_stored_key(read.key),
            payee_name=payee.name,
            payee_bank_name=payee.bank_name,
            payee_tax_id_masked=payee.tax_id_masked,
            amount_centavos=read.amount_centavos,
            initiation=Initiation.QRES,
            txid=static_txid(read.txid),
            description=check_description(read.information or ""),
        )
