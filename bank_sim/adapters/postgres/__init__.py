"""The bank's stores on PostgreSQL, through SQLAlchemy Core. A batch costs a few statements, whatever its size."""

from pathlib import Path
from typing import Final

from bank_sim.adapters.postgres.unit_of_work import PostgresUnitOfWork, PostgresUnitsOfWork

MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"
"""Where the schema's history stands, also in an installed wheel."""

__all__ = ["MIGRATIONS", "PostgresUnitOfWork", "PostgresUnitsOfWork"]
