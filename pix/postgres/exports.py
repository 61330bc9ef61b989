"""Pages of a whole table, written as JSON by PostgreSQL: a tenth of what rows of Python would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from pix.scheme.exports import ExportKey, ExportPage, export_page

_ROW_END: Final = "chr(10)"


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """A table with the columns to export; `key` are those of an index in the order of bytes (collation C)."""

    name: str
    key: Sequence[str]
    columns: Sequence[str]
    only: str = "true"
    """The condition of the rows: that of the index, if it is a partial one."""

    def read(self, connection: Connection, after: ExportKey | None, size: int) -> ExportPage:
        """At most `size` rows behind the key, or the first ones, in the order of the key."""
        key = ", ".join(self.key)
        places = [f":key_{number}" for number in range(len(self.key))]
        behind = "true" if after is None else f"({key}) > ({', '.join(places)})"
        page = (
            f"SELECT json_build_array({', '.join(self.columns)})::text AS line FROM {self.name} "  # noqa: S608 - constants
            f"WHERE {self.only} AND {behind} ORDER BY {key} LIMIT :size"
        )
        values: dict[str, Any] = {f"key_{number}": value for number, value in enumerate(after or ())}
        lines = connection.execute(
            text(f"SELECT string_agg(line, {_ROW_END}) FROM ({page}) AS page"),  # noqa: S608 - constants
            {**values, "size": size},
        ).scalar_one()
        return export_page(lines or "", size, [self.columns.index(name) for name in self.key])
