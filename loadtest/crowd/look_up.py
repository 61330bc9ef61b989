"""A bank that looks one key up at the hub, by gRPC."""

from __future__ import annotations

from typing import Final

from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.crowd.crowd import HOST, VisitBroken, crowd_of
from loadtest.crowd.directory import LookUpFailed
from loadtest.crowd.mix import VisitorKind

UNKNOWN_SHARE: Final = 0.05
"""Of the look-ups, those for a key that nobody has: mistyped, or guessed."""


class LookUp(User):
    """One call."""

    abstract = False
    wait_time = constant(0)
    host: str | None = HOST
    kind = VisitorKind.LOOK_UPS

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.crowd = crowd_of(environment)

    @task
    def visit(self) -> None:
        """The whole of it."""
        with self.crowd.visit(self.kind):
            self.find()
        raise StopUser

    def find(self) -> None:
        """Asks for somebody's key, or for nobody's. Raises `VisitBroken`."""
        crowd = self.crowd
        assert crowd.directory is not None
        is_unknown = crowd.random.random() < UNKNOWN_SHARE
        name = "find key: nobody's" if is_unknown else "find key"
        customer = None if is_unknown else crowd.customers.payer(crowd.random)
        try:
            milliseconds = crowd.directory.find(crowd.random, customer)
        except LookUpFailed as error:
            crowd.fire("gRPC", name, 0.0, error)
            crowd.measures.trouble(f"{name}: {error}")
            raise VisitBroken from None
        crowd.fire("gRPC", name, milliseconds)
        crowd.measures.look_ups.add(milliseconds)
