"""A customer opens an account, perhaps with money in hand."""

from __future__ import annotations

from collections.abc import Callable

from bank_sim.application.pins import hash_pin
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.account import Account, AccountStatus, account_number, check_pin
from bank_sim.domain.errors import TaxIdTaken
from pix.runtime.clock import SchemeClock
from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.people import check_person_name, check_tax_id


class OpenAccount:
    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, new_id: Callable[[], str]) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._new_id = new_id

    def __call__(self, *, name: str, tax_id: str, opening_deposit_centavos: int, pin: str) -> Account:
        """The new account. A deposit of 0 is none.

        Raises SchemeError(field="name" | "tax_id" | "opening_deposit_centavos" | "pin"), and TaxIdTaken when the tax
        id has an account here that is not closed.
        """
        return self._open(name, tax_id, opening_deposit_centavos, pin, None)

    def with_number(self, number: str, *, name: str, tax_id: str, opening_deposit_centavos: int, pin: str) -> Account:
        """The same with a number that is not from the series: demo people have easy ones. It must be free.

        The tax id may have another account, because a demo person is made also where a customer has used that number.
        """
        return self._open(name, tax_id, opening_deposit_centavos, pin, number)

    def _open(self, name: str, tax_id: str, deposit_centavos: int, pin: str, number: str | None) -> Account:
        holder_kind, tax_id = check_tax_id(tax_id)
        _check_deposit(deposit_centavos)
        pin_hash = hash_pin(check_pin(pin))
        now_ms = self._scheme_clock.now_ms()
        holder_name = check_person_name(name)
        with self._units() as unit:
            if number is None and not unit.accounts.claim_tax_id(tax_id):
                raise TaxIdTaken
            account = Account(
                number=number or account_number(unit.accounts.next_serial()),
                holder_name=holder_name,
                holder_kind=holder_kind,
                tax_id=tax_id,
                status=AccountStatus.ACTIVE,
                balance_centavos=0,
                opened_at_ms=now_ms,
            )
            unit.accounts.add(account, pin_hash)
            if deposit_centavos > 0:
                posting = books.deposit(account.number, self._new_id(), deposit_centavos, now_ms)
                account, posting = books.book(account, posting)
                unit.postings.add([posting])
                unit.accounts.save([account])
            unit.commit()
        return account


def _check_deposit(amount_centavos: int) -> None:
    if type(amount_centavos) is not int or not 0 <= amount_centavos <= AMOUNT_CENTAVOS_MAX:
        raise SchemeError("opening_deposit_centavos", f"The deposit must be 0 to {AMOUNT_CENTAVOS_MAX} centavos.")
