"""A bank that looks one key up at the hub, by gRPC."""

from __future__ import annotations

from typing import Final

from locust import User, constant
from locust.env import Environment

from loadtest.users.directory import LookUpFailed
from loadtest.users.load_run import HOST, VisitFailed, load_run_of, only_visit
from loadtest.users.mix import UserKind

UNKNOWN_SHARE: Final = 0.05
"""Of the look-ups, those for an unknown key: mistyped, or guessed."""


class LookUpUser(User):
    abstract = False
    wait_time = constant(0)
    host: str | None = HOST
    kind = UserKind.LOOK_UPS

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.load_run = load_run_of(environment)

    @only_visit
    def find(self) -> None:
        """Looks up a known key, or an unknown one. Raises `VisitFailed`."""
        load_run = self.load_run
        assert load_run.directory is not None
        is_unknown = load_run.random.random() < UNKNOWN_SHARE
        name = "find key: unknown" if is_unknown else "find key"
        customer = None if is_unknown else load_run.customers.payer(load_run.random)
        try:
            milliseconds = load_run.directory.find(load_run.random, customer)
        except LookUpFailed as error:
            load_run.fire("gRPC", name, 0.0, error)
            load_run.measures.trouble(f"{name}: {error}")
            raise VisitFailed from None
        load_run.fire("gRPC", name, milliseconds)
        load_run.measures.look_ups.add(milliseconds)
