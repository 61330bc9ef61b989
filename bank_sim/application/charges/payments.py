"""The payments of charges, and what was given back of them."""

from __future__ import annotations

from collections.abc import Sequence

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.returns.rows import returns_in
from bank_sim.domain.charges.model import Charge, ChargeId
from bank_sim.domain.flows.returns.model import Return
from bank_sim.domain.flows.transfer.model import Transfer
from pix.scheme.postings import Direction
from pix.scheme.values import value_object


@value_object
class ReceivedPix:
    """A credited transfer, and its returns, oldest first."""

    transfer: Transfer
    returns: tuple[Return, ...]


class FindPayments:
    """Finds what was credited for charges: one payment, or more where the bank accepts what no charge wants."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, charges: Sequence[Charge]) -> dict[ChargeId, tuple[ReceivedPix, ...]]:
        """Oldest first; a charge without a payment is left out."""
        with self._units() as unit:
            ids = unit.charges.payment_ids([charge.charge_id for charge in charges])
            rows = {(end_to_end_id, Direction.INCOMING) for each in ids.values() for end_to_end_id in each}
            transfers = unit.transfers.find_many(rows)
            returns: dict[str, list[Return]] = {}
            for row in returns_in(unit).find_about([row_id[0] for row_id in transfers], Direction.OUTGOING):
                returns.setdefault(row.about, []).append(row)
        return {
            charge_id: tuple(
                ReceivedPix(transfers[end_to_end_id, Direction.INCOMING], tuple(returns.get(end_to_end_id, ())))
                for end_to_end_id in each
            )
            for charge_id, each in ids.items()
        }
