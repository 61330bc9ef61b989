"""The devices on which a customer is signed in, and how one of them or all others are signed out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.customer_app.devices import SEEN_STEP_MS, USER_AGENT_LENGTH_MAX, Device, is_due, surplus
from bank_sim.domain.errors import AccountNotFound, BankError
from pix.runtime.clock import Clock

NEWS_COUNTED_AMONG: Final = 200
"""A count of what is new looks at so many of the newest postings."""


class DeviceSignedOut(BankError):
    def __init__(self) -> None:
        super().__init__("device", "This device is signed out.")


@dataclass(frozen=True, slots=True)
class Visit:
    """Whom a page is for, and how many of the newest payments to them are unread."""

    account: Account
    unread: int


class Devices:
    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def begin(self, *, device_id: str, account_number: str, user_agent: str, session_ms_max: int) -> None:
        """A device signs in. The one that was used the longest ago leaves when there are too many.

        Devices of any account that were last used more than `session_ms_max` ago are forgotten.
        """
        now_ms = self._clock.real_now_ms()
        agent = "".join(character for character in user_agent if character.isprintable())[:USER_AGENT_LENGTH_MAX]
        with self._units() as unit:
            unit.devices.remove_unused(now_ms - session_ms_max)
            for device in surplus(unit.devices.of_account(account_number)):
                unit.devices.remove(device.device_id)
            unit.devices.put(Device(device_id, account_number, agent, now_ms, now_ms))
            unit.commit()

    def visit(self, *, device_id: str, account_number: str) -> Visit:
        """Notes the device's use, at most once a minute. Raises DeviceSignedOut, AccountNotFound."""
        now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            device = unit.devices.find(device_id)
            if device is None or device.account_number != account_number:
                raise DeviceSignedOut
            account = unit.accounts.find(account_number)
            if account is None:
                raise AccountNotFound
            behind = unit.read_marks.find(account_number)
            unread = len(unit.postings.credits_behind(account_number, behind, NEWS_COUNTED_AMONG))
            if is_due(device, now_ms):
                unit.devices.put(replace(device, seen_at_ms=now_ms))
                unit.commit()
        return Visit(account, unread)

    def of_account(self, account_number: str, idle_ms_max: int) -> list[Device]:
        """Those that were used within `idle_ms_max`, the one that was used last first."""
        used_after_ms = self._clock.real_now_ms() - idle_ms_max - SEEN_STEP_MS
        with self._units() as unit:
            return [each for each in unit.devices.of_account(account_number) if each.seen_at_ms >= used_after_ms]

    def end(self, device_id: str) -> None:
        """Signs the device out; one that is signed out stays so."""
        with self._units() as unit:
            unit.devices.remove(device_id)
            unit.commit()

    def end_others(self, *, account_number: str, except_device_id: str) -> list[Device]:
        """Signs every other device of the account out, and returns them."""
        with self._units() as unit:
            others = [each for each in unit.devices.of_account(account_number) if each.device_id != except_device_id]
            for device in others:
                unit.devices.remove(device.device_id)
            unit.commit()
        return others
