"""Small functions that are handed over, to be called later."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bank_sim.application.use_cases import BankApplication
from hub.application.use_cases import HubApplication
from pix.scheme.deliveries import Rejected
from pix.scheme.errors import SchemeError
from pix.wire.record import Record


def ignore(_value: object) -> None:
    """What an act returns is of no interest: a sweep's count, for example."""


def try_to(act: Callable[[], object]) -> None:
    """A rule may refuse it."""
    with suppress(SchemeError):
        act()


def storing(application: HubApplication | BankApplication) -> Callable[[Record, str], None]:
    return lambda record, reason: application.dead_letters.store(Rejected(record, "", reason))
