"""Customers change their limits: a lower one counts at once, a higher one a day later."""

from __future__ import annotations

from dataclasses import replace

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.views import LimitsView, LimitView
from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.errors import AccountClosed, AccountNotFound
from bank_sim.domain.limits import Limit, LimitKind, LimitPolicy, changed_limit, check_limit, span_of
from pix.runtime.clock import SchemeClock


class ChangeLimit:
    """Sets one limit of an account."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, policy: LimitPolicy) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._policy = policy

    def __call__(self, *, account_number: str, kind: LimitKind, amount_centavos: int | None) -> Limit:
        """The limit after the change; None is no limit, where the bank has none by default.

        The same raise again keeps its time. Raises AccountNotFound, AccountClosed,
        SchemeError(field="amount_centavos").
        """
        with self._units() as unit:
            account = _locked(unit, account_number)
            check_limit(amount_centavos, self._policy.default(account.holder_kind, kind))
            now_ms = self._scheme_clock.now_ms()
            before = self._policy.limit(account.holder_kind, account.limits, kind, now_ms)
            limit = changed_limit(before, amount_centavos, now_ms, self._policy.raise_delay_ms)
            _save(unit, account, limit)
            unit.commit()
        return limit


class CancelRaise:
    """Cancels a raise that waits."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, policy: LimitPolicy) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._policy = policy

    def __call__(self, *, account_number: str, kind: LimitKind) -> Limit:
        """The limit without the raise; one that counts already stays. Raises AccountNotFound, AccountClosed."""
        with self._units() as unit:
            account = _locked(unit, account_number)
            now_ms = self._scheme_clock.now_ms()
            before = self._policy.limit(account.holder_kind, account.limits, kind, now_ms)
            limit = Limit(kind, before.amount_centavos)
            if before != limit:
                _save(unit, account, limit)
                unit.commit()
        return limit


class ShowLimits:
    """The limits of an account, and what is left of them now."""

    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, policy: LimitPolicy) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._policy = policy

    def __call__(self, account_number: str) -> LimitsView:
        """Raises AccountNotFound."""
        now_ms = self._scheme_clock.now_ms()
        span = span_of(now_ms)
        with self._units() as unit:
            account = unit.accounts.find(account_number)
            if account is None:
                raise AccountNotFound
            spent = unit.transfers.spent([account_number], span.start_ms, span.end_ms).get(account_number, 0)
        limits = self._policy.limits(account.holder_kind, account.limits, now_ms)
        may_be_none = {kind: self._policy.default(account.holder_kind, kind) is None for kind in LimitKind}
        return LimitsView(
            span=span,
            spent_centavos=spent,
            limits=tuple(
                LimitView(
                    kind=limit.kind,
                    amount_centavos=limit.amount_centavos,
                    raise_to_centavos=limit.raise_to_centavos,
                    raise_at_ms=limit.raise_at_ms,
                    may_be_removed=may_be_none[limit.kind],
                )
                for limit in limits
            ),
        )


def _locked(unit: UnitOfWork, account_number: str) -> Account:
    account = unit.accounts.lock([account_number]).get(account_number)
    if account is None:
        raise AccountNotFound
    if account.status is AccountStatus.CLOSED:
        raise AccountClosed
    return account


def _save(unit: UnitOfWork, account: Account, limit: Limit) -> None:
    others = tuple(each for each in account.limits if each.kind is not limit.kind)
    unit.accounts.save_limits(replace(account, limits=(*others, limit)))
