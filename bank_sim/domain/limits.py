"""Limits of an account's payments, by day and by night: per Pix and per period.

A lower limit counts at once, a higher one after a delay. A bank checks them before anything leaves it. A CPF has one
open account at a bank, so an account's limits are a person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bank_sim.domain.errors import LimitExceeded
from pix.scheme.days import instant_ms, local
from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, format_brl
from pix.scheme.people import HolderKind
from pix.scheme.values import value_object

DAY_BEGINS: Final = time(6)
NIGHT_BEGINS: Final = time(20)
RAISE_DELAY_MS: Final = 24 * 3_600_000


class Period(StrEnum):
    """The day is 06:00 to 20:00 in São Paulo, the night 20:00 to 06:00 of the next day; a beginning belongs to it."""

    DAY = "day"
    NIGHT = "night"


class LimitKind(StrEnum):
    """What a limit counts."""

    DAY_TRANSFER = "day_transfer"
    """One Pix by day."""
    DAY_PERIOD = "day_period"
    """All Pix of one day."""
    NIGHT_TRANSFER = "night_transfer"
    """One Pix by night."""
    NIGHT_PERIOD = "night_period"
    """All Pix of one night."""


KINDS: Final[Mapping[Period, tuple[LimitKind, LimitKind]]] = MappingProxyType(
    {
        Period.DAY: (LimitKind.DAY_TRANSFER, LimitKind.DAY_PERIOD),
        Period.NIGHT: (LimitKind.NIGHT_TRANSFER, LimitKind.NIGHT_PERIOD),
    }
)
"""Of each period the limit per Pix and the limit for all of it."""


@value_object
class Span:
    """One day or one night, from `start_ms` to before `end_ms`."""

    period: Period
    start_ms: int
    end_ms: int


def span_of(at_ms: int) -> Span:
    """The day or the night that an instant (Unix milliseconds) is in."""
    at = local(at_ms)
    day = at.date()
    begins, ends = (instant_ms(datetime.combine(day, border)) for border in (DAY_BEGINS, NIGHT_BEGINS))
    if at.time() < DAY_BEGINS:
        evening = datetime.combine(day - timedelta(days=1), NIGHT_BEGINS)
        return Span(Period.NIGHT, instant_ms(evening), begins)
    if at.time() < NIGHT_BEGINS:
        return Span(Period.DAY, begins, ends)
    return Span(Period.NIGHT, ends, instant_ms(datetime.combine(day + timedelta(days=1), DAY_BEGINS)))


@value_object
class Limit:
    """A limit that an account has set, in centavos; None is no limit. A raise counts from `raise_at_ms` on."""

    kind: LimitKind
    amount_centavos: int | None
    raise_to_centavos: int | None = None
    raise_at_ms: int | None = None
    """None: no raise was asked for."""

    def at(self, now_ms: int) -> int | None:
        """The limit that counts now."""
        is_raised = self.raise_at_ms is not None and self.raise_at_ms <= now_ms
        return self.raise_to_centavos if is_raised else self.amount_centavos

    def pending_at(self, now_ms: int) -> Limit:
        """The same with a raise only if it still waits."""
        if self.raise_at_ms is not None and self.raise_at_ms > now_ms:
            return self
        return Limit(self.kind, self.at(now_ms))


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """What a bank limits unless a customer has set a limit: nothing, by default."""

    of_persons: Mapping[LimitKind, int] = field(default_factory=dict)
    """In centavos; a kind that is missing has no limit. Companies have none."""
    raise_delay_ms: int = RAISE_DELAY_MS

    def default(self, holder_kind: HolderKind, kind: LimitKind) -> int | None:
        return self.of_persons.get(kind) if holder_kind is HolderKind.PERSON else None

    def limit(self, holder_kind: HolderKind, own: tuple[Limit, ...], kind: LimitKind, now_ms: int) -> Limit:
        """The limit that counts, with a raise that waits."""
        for each in own:
            if each.kind is kind:
                return each.pending_at(now_ms)
        return Limit(kind, self.default(holder_kind, kind))

    def limits(self, holder_kind: HolderKind, own: tuple[Limit, ...], now_ms: int) -> tuple[Limit, ...]:
        """All of them, in the order of the kinds."""
        return tuple(self.limit(holder_kind, own, kind, now_ms) for kind in LimitKind)

    def may_limit(self, holder_kind: HolderKind, own: tuple[Limit, ...]) -> bool:
        """Whether any limit may count: quick, for the many accounts that have none."""
        return bool(own) or (bool(self.of_persons) and holder_kind is HolderKind.PERSON)


def check_limit(amount_centavos: int | None, default_centavos: int | None) -> int | None:
    """Return a limit that a customer may set: 0 to `AMOUNT_CENTAVOS_MAX`; None, no limit, where the bank has none.

    Raises SchemeError(field="amount_centavos").
    """
    if amount_centavos is None:
        if default_centavos is not None:
            raise SchemeError("amount_centavos", "This limit can be raised, but not removed.")
    elif not 0 <= amount_centavos <= AMOUNT_CENTAVOS_MAX:
        raise SchemeError("amount_centavos", f"A limit is between zero and {format_brl(AMOUNT_CENTAVOS_MAX)}.")
    return amount_centavos


def changed_limit(limit: Limit, amount_centavos: int | None, now_ms: int, raise_delay_ms: int) -> Limit:
    """The limit after a customer's change: a lower one counts at once, a higher one after the delay.

    Either replaces a raise that waits; the same raise again keeps its time.
    """
    current = limit.pending_at(now_ms)
    now_centavos = current.amount_centavos
    if now_centavos is not None and (amount_centavos is None or amount_centavos > now_centavos):
        if current.raise_at_ms is not None and current.raise_to_centavos == amount_centavos:
            return current
        return replace(current, raise_to_centavos=amount_centavos, raise_at_ms=now_ms + raise_delay_ms)
    return Limit(limit.kind, amount_centavos)


def check_payment(limits: Mapping[LimitKind, int | None], period: Period, amount_centavos: int, spent: int) -> None:
    """Raises LimitExceeded for a payment over a limit; `spent` is what was paid in this period already, in centavos."""
    per_transfer, per_period = (limits[kind] for kind in KINDS[period])
    if per_transfer is not None and amount_centavos > per_transfer:
        most = format_brl(per_transfer)
        if period is Period.DAY:
            raise LimitExceeded(f"Your limit per Pix between 06:00 and 20:00 is {most}.")
        raise LimitExceeded(f"Your limit per Pix between 20:00 and 06:00 is {most}.")
    if per_period is not None and spent + amount_centavos > per_period:
        most, left = format_brl(per_period), format_brl(max(0, per_period - spent))
        if period is Period.DAY:
            raise LimitExceeded(f"Your limit between 06:00 and 20:00 is {most}, of which {left} is left.")
        raise LimitExceeded(f"Your limit between 20:00 and 06:00 is {most}, of which {left} is left.")
