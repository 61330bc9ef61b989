"""Received Pix on PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from bank_sim.adapters.postgres.columns import names
from bank_sim.adapters.postgres.flows import TABLES
from bank_sim.application.receipts.ports import ReceiptFilter
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer
from pix.postgres.unit_of_work import PostgresRepository

_TRANSFERS: Final = TABLES[TRANSFER]
_WHERE: Final = (
    "WHERE account_number = :account_number AND direction = 'incoming' AND status = 'confirmed' "
    "AND decided_at_ms BETWEEN :from_ms AND :to_ms "
    "AND (:txid = '' OR txid = :txid) "
    "AND (CAST(:has_txid AS boolean) IS NULL OR (txid <> '') = :has_txid) "
    "AND (:payer_tax_id_masked = '' OR payer_tax_id_masked = :payer_tax_id_masked) "
    "AND (CAST(:has_return AS boolean) IS NULL OR :has_return = EXISTS (SELECT 1 FROM returns AS r "
    "WHERE r.original_end_to_end_id = transfers.end_to_end_id AND r.direction = 'outgoing'))"
)
_LIST: Final = (
    f"SELECT {names(_TRANSFERS.columns)} FROM transfers {_WHERE} "  # noqa: S608 - names are constants of this package
    "ORDER BY decided_at_ms, end_to_end_id OFFSET :skip LIMIT :size"
)
_COUNT: Final = f"SELECT count(*) FROM transfers {_WHERE}"  # noqa: S608 - as above


class PostgresReceipts(PostgresRepository):
    """See `bank_sim.application.receipts.ports.ReceiptRepository`."""

    def count(self, narrow: ReceiptFilter) -> int:
        count: int = self._execute(_COUNT, **_values(narrow)).scalar_one()
        return count

    def list(self, narrow: ReceiptFilter, skip: int, size: int) -> list[Transfer]:
        rows = self._execute(_LIST, **_values(narrow), skip=skip, size=size)
        return [_TRANSFERS.row_of(row) for row in rows]


def _values(narrow: ReceiptFilter) -> dict[str, Any]:
    return {
        "account_number": narrow.account_number,
        "from_ms": narrow.from_ms,
        "to_ms": narrow.to_ms,
        "txid": narrow.txid,
        "has_txid": narrow.has_txid,
        "has_return": narrow.has_return,
        "payer_tax_id_masked": narrow.payer_tax_id_masked,
    }
