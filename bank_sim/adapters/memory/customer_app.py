"""Devices, favourites and read marks in memory; see `bank_sim.application.customer_app.ports`."""

from __future__ import annotations

from bank_sim.domain.customer_app.contacts import Contact
from bank_sim.domain.customer_app.devices import Device
from pix.runtime.memory_table import MemoryTable


class MemoryDevices:
    def __init__(self, devices: MemoryTable[str, Device]) -> None:
        self._devices = devices

    def put(self, device: Device) -> None:
        self._devices.put(device.device_id, device)

    def find(self, device_id: str) -> Device | None:
        return self._devices.get(device_id)

    def of_account(self, account_number: str) -> list[Device]:
        own = [device for device in self._devices.values() if device.account_number == account_number]
        return sorted(own, key=lambda device: (-device.seen_at_ms, device.device_id))

    def remove(self, device_id: str) -> None:
        if self._devices.get(device_id) is not None:
            self._devices.drop(device_id)

    def remove_unused(self, before_ms: int) -> None:
        for device in [device for device in self._devices.values() if device.seen_at_ms < before_ms]:
            self._devices.drop(device.device_id)


class MemoryFavourites:
    def __init__(self, favourites: MemoryTable[tuple[str, str], Contact]) -> None:
        self._favourites = favourites

    def of_account(self, account_number: str) -> list[Contact]:
        return [contact for (number, _), contact in self._favourites.items() if number == account_number]

    def put(self, account_number: str, contact: Contact) -> None:
        if self._favourites.get((account_number, contact.contact_id)) is None:
            self._favourites.put((account_number, contact.contact_id), contact)

    def remove(self, account_number: str, contact_id: str) -> None:
        if self._favourites.get((account_number, contact_id)) is not None:
            self._favourites.drop((account_number, contact_id))


class MemoryReadMarks:
    def __init__(self, read_marks: MemoryTable[str, int]) -> None:
        self._read_marks = read_marks

    def find(self, account_number: str) -> int:
        return self._read_marks.get(account_number) or 0

    def put(self, account_number: str, posting_id: int) -> None:
        self._read_marks.put(account_number, max(posting_id, self.find(account_number)))
