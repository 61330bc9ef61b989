"""Devices, favourites and read marks on PostgreSQL; see `bank_sim.application.customer_app.ports`."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.customer_app.contacts import Contact
from bank_sim.domain.customer_app.devices import Device
from pix.postgres.engine import is_storable
from pix.postgres.unit_of_work import PostgresRepository

_DEVICE: Final = "device_id, account_number, user_agent, signed_in_at_ms, seen_at_ms"
_PUT_DEVICE: Final = (
    f"INSERT INTO devices ({_DEVICE}) "  # noqa: S608 - constants
    "VALUES (:device_id, :account_number, :user_agent, :signed_in_at_ms, :seen_at_ms) "
    "ON CONFLICT (device_id) DO UPDATE SET account_number = excluded.account_number, "
    "user_agent = excluded.user_agent, signed_in_at_ms = excluded.signed_in_at_ms, seen_at_ms = excluded.seen_at_ms"
)
_FIND_DEVICE: Final = f"SELECT {_DEVICE} FROM devices WHERE device_id = :device_id"  # noqa: S608 - constants
_DEVICES_OF_ACCOUNT: Final = (
    f"SELECT {_DEVICE} FROM devices WHERE account_number = :account_number "  # noqa: S608 - constants
    "ORDER BY seen_at_ms DESC, device_id"
)


class PostgresDevices(PostgresRepository):
    def put(self, device: Device) -> None:
        self._execute(
            _PUT_DEVICE,
            device_id=device.device_id,
            account_number=device.account_number,
            user_agent=device.user_agent,
            signed_in_at_ms=device.signed_in_at_ms,
            seen_at_ms=device.seen_at_ms,
        )

    def find(self, device_id: str) -> Device | None:
        if not is_storable(device_id):
            return None
        row = self._execute(_FIND_DEVICE, device_id=device_id).one_or_none()
        return None if row is None else Device(*row)

    def of_account(self, account_number: str) -> list[Device]:
        return [Device(*row) for row in self._execute(_DEVICES_OF_ACCOUNT, account_number=account_number)]

    def remove(self, device_id: str) -> None:
        self._execute("DELETE FROM devices WHERE device_id = :device_id", device_id=device_id)

    def remove_unused(self, before_ms: int) -> None:
        self._execute("DELETE FROM devices WHERE seen_at_ms < :before_ms", before_ms=before_ms)


class PostgresFavourites(PostgresRepository):
    def of_account(self, account_number: str) -> list[Contact]:
        rows = self._execute(
            "SELECT contact_id, name, bank_name, end_to_end_id FROM favourites "
            "WHERE account_number = :account_number ORDER BY place",
            account_number=account_number,
        )
        return [Contact(*row) for row in rows]

    def put(self, account_number: str, contact: Contact) -> None:
        self._execute(
            "INSERT INTO favourites (account_number, contact_id, name, bank_name, end_to_end_id) "
            "VALUES (:account_number, :contact_id, :name, :bank_name, :end_to_end_id) "
            "ON CONFLICT (account_number, contact_id) DO NOTHING",
            account_number=account_number,
            contact_id=contact.contact_id,
            name=contact.name,
            bank_name=contact.bank_name,
            end_to_end_id=contact.end_to_end_id,
        )

    def remove(self, account_number: str, contact_id: str) -> None:
        if is_storable(contact_id):
            self._execute(
                "DELETE FROM favourites WHERE account_number = :account_number AND contact_id = :contact_id",
                account_number=account_number,
                contact_id=contact_id,
            )


class PostgresReadMarks(PostgresRepository):
    def find(self, account_number: str) -> int:
        found: int | None = self._execute(
            "SELECT posting_id FROM read_marks WHERE account_number = :account_number", account_number=account_number
        ).scalar_one_or_none()
        return found or 0

    def put(self, account_number: str, posting_id: int) -> None:
        self._execute(
            "INSERT INTO read_marks (account_number, posting_id) VALUES (:account_number, :posting_id) "
            "ON CONFLICT (account_number) DO UPDATE "
            "SET posting_id = greatest(read_marks.posting_id, excluded.posting_id)",
            account_number=account_number,
            posting_id=posting_id,
        )
