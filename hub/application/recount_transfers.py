"""The tallies are counted anew: after an upgrade during which an older version went on writing transfers."""

from __future__ import annotations

from hub.application.ports import UnitsOfWork


class RecountTransfers:
    """Makes the tallies what counting finds. Nothing else may write transfers meanwhile, and what wants to waits."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self) -> None:
        """It reads every transfer, so it takes as long as there are many."""
        with self._units() as unit:
            unit.tallies.recount()
            unit.commit()
