"""The bank is told what kind of counterparty to play."""

from __future__ import annotations

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.behaviour import Behaviour


class ChooseBehaviour:
    """Sets the switches, for every replica and from the next batch on.

    An answer that was given stays; one that was withheld is given when the hub offers again.
    """

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, behaviour: Behaviour) -> Behaviour:
        """Raises DatabaseUnavailable."""
        with self._units() as unit:
            unit.switches.set_behaviour(behaviour)
            unit.commit()
        return behaviour
