"""What the bank's app keeps for a customer beside the money."""

from __future__ import annotations

from typing import Protocol

from bank_sim.domain.customer_app.contacts import Contact
from bank_sim.domain.customer_app.devices import Device


class DeviceRepository(Protocol):
    """The devices on which customers are signed in."""

    def put(self, device: Device) -> None:
        """Adds a device, or writes its account and its times anew."""

    def find(self, device_id: str) -> Device | None: ...

    def of_account(self, account_number: str) -> list[Device]:
        """Those that were used last come first."""

    def remove(self, device_id: str) -> None:
        """One that is not there is as good."""

    def remove_unused(self, before_ms: int) -> None:
        """Those that were last used before this time."""


class FavouriteRepository(Protocol):
    """The payees whom customers keep."""

    def of_account(self, account_number: str) -> list[Contact]:
        """In the order in which they were added."""

    def put(self, account_number: str, contact: Contact) -> None:
        """Adds one behind the others; one that is there stays at its place."""

    def remove(self, account_number: str, contact_id: str) -> None:
        """One that is not there is as good."""


class ReadMarkRepository(Protocol):
    """How far customers have read of what arrived."""

    def find(self, account_number: str) -> int:
        """The posting up to which all is read; 0 for none."""

    def put(self, account_number: str, posting_id: int) -> None:
        """Never moves back."""
