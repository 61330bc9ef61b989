"""The keys that sign payloads, on PostgreSQL."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.payable_codes.model import SigningKey
from pix.postgres.unit_of_work import PostgresRepository

_COLUMNS: Final = "key_id, private_pem, certificate_pem, made_at_ms"


class PostgresSigningKeys(PostgresRepository):
    def add(self, key: SigningKey) -> None:
        self._execute(
            f"INSERT INTO signing_keys ({_COLUMNS}) VALUES (:key_id, :private_pem, :certificate_pem, :made_at_ms)",  # noqa: S608 - constants
            key_id=key.key_id,
            private_pem=key.private_pem,
            certificate_pem=key.certificate_pem,
            made_at_ms=key.made_at_ms,
        )

    def lock(self) -> None:
        self._execute("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")

    def newest(self, size: int) -> list[SigningKey]:
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM signing_keys ORDER BY made_at_ms DESC, key_id LIMIT :size",  # noqa: S608 - constants
            size=size,
        )
        return [SigningKey(*row) for row in rows]
