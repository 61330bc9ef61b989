"""The devices that are signed in to an account, as pages and documents show them."""

from __future__ import annotations

from dataclasses import dataclass

from bank_sim.entrypoints.http.device_names import device_name, is_phone
from bank_sim.entrypoints.http.site import Site
from pix.web.session_registry import SESSION_IDLE_SECONDS_MAX
from pix.web.sessions import mark_of


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A signed-in device. Times are real time."""

    device_id: str
    """The secret half of its session; shown to no one."""
    mark: str
    """Its public name."""
    name: str
    """Browser and system, as it names itself; empty when it names none that is known."""
    is_phone: bool
    signed_in_at_ms: int
    seen_at_ms: int
    """When it was last used, to the minute."""


def signed_in_devices(site: Site, account_number: str) -> list[DeviceView]:
    """The one that was used last first."""
    return [
        DeviceView(
            device.device_id,
            mark_of(device.device_id),
            device_name(device.user_agent),
            is_phone(device.user_agent),
            device.signed_in_at_ms,
            device.seen_at_ms,
        )
        for device in site.bank.customer_app.devices.of_account(account_number, SESSION_IDLE_SECONDS_MAX * 1000)
    ]
