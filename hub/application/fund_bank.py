"""Settlement money: the operator puts some into a bank's account of record, or takes out what is free."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from hub.application.ports import UnitOfWork, UnitsOfWork
from hub.domain.errors import BankNotFound, FundingConflict, SettlementFundsTooLow
from hub.domain.settlement import Funding, SettlementAccount
from hub.domain.trail import COMMAND_LINE, Act, Author, entry
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.errors import SchemeError
from pix.scheme.money import format_brl

SETTLEMENT_FUNDS_CENTAVOS_MAX: Final = 10**15
"""Of one funding. Ten trillion reais: far more than all of Brazil's banks hold."""
SETTLEMENT_BALANCE_CENTAVOS_MAX: Final = 10**18
"""Of one account: a thousand such sums, which a column of integers holds."""
FUNDINGS_PER_BANK_MAX: Final = 10_000
"""A bank reads all of them to keep its books, and one answer of the hub's must hold them."""


class FundBank:
    """Puts settlement money in, or takes it out; repeating it with the same id changes nothing."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, clock: Clock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock

    def __call__(
        self, *, code: str, amount_centavos: int, funding_id: str, by: Author = COMMAND_LINE
    ) -> tuple[Funding, SettlementAccount]:
        """The funding, and the account as it stands. `amount_centavos` is negative to take money out.

        Raises SchemeError, BankNotFound, SettlementFundsTooLow when more would be taken out than is free, and
        FundingConflict when the id is another funding's.
        """
        funding_id = _check_funding_id(funding_id)
        if not 0 < abs(amount_centavos) <= SETTLEMENT_FUNDS_CENTAVOS_MAX:
            rule = f"must be 1 to {SETTLEMENT_FUNDS_CENTAVOS_MAX} to add, or the same below zero to withdraw"
            raise SchemeError("amount_centavos", rule)
        with self._units() as unit:
            bank = next((bank for bank in unit.banks.all().values() if bank.code == code), None)
            if bank is None:
                raise BankNotFound("code", "no bank has this code")
            funding = Funding(funding_id, bank.ispb, amount_centavos, self._scheme_clock.now_ms())
            # The lock comes first, so that the same funding asked for twice at once is found by the second.
            account = unit.settlement.lock([bank.ispb])[bank.ispb]
            known = unit.settlement.find_funding(funding_id)
            if known is None:
                account = fund_account(unit, funding)
                unit.trail.add(
                    entry(
                        self._clock.real_now_ms(),
                        Act.FUNDED if amount_centavos > 0 else Act.WITHDRAWN,
                        by,
                        code=code,
                        subject=funding_id,
                        amount_centavos=amount_centavos,
                    )
                )
                unit.commit()
                return funding, account
        if (known.ispb, known.amount_centavos) != (bank.ispb, amount_centavos):
            raise FundingConflict("funding_id", "another funding has this ID")
        return known, account


def fund_account(unit: UnitOfWork, funding: Funding) -> SettlementAccount:
    """Books a funding. Raises SettlementFundsTooLow, FundingConflict, and SchemeError for too much or too many."""
    account = unit.settlement.lock([funding.ispb])[funding.ispb]
    if account.available_centavos + funding.amount_centavos < 0:
        available = format_brl(account.available_centavos)
        raise SettlementFundsTooLow("amount_centavos", f"Only {available} is available (the rest is reserved).")
    balance_centavos = account.balance_centavos + funding.amount_centavos
    if balance_centavos > SETTLEMENT_BALANCE_CENTAVOS_MAX:
        raise SchemeError("amount_centavos", f"would raise the balance above {SETTLEMENT_BALANCE_CENTAVOS_MAX}")
    if len(unit.settlement.fundings(funding.ispb)) >= FUNDINGS_PER_BANK_MAX:
        raise SchemeError("funding_id", f"would exceed the limit of {FUNDINGS_PER_BANK_MAX} fundings per bank")
    if not unit.settlement.add_funding(funding):
        raise FundingConflict("funding_id", "another funding has this ID")
    account = replace(account, balance_centavos=balance_centavos)
    unit.settlement.save([account])
    return account


def _check_funding_id(funding_id: str) -> str:
    try:
        return str(UUID(funding_id))
    except ValueError:
        raise SchemeError("funding_id", "must be a UUID, another one for each funding") from None
