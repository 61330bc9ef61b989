"""The devices on which customers are signed in."""

from __future__ import annotations

from typing import Final

from pix.scheme.values import value_object

DEVICES_PER_ACCOUNT_MAX: Final = 20
"""One more ends the one that was used the longest ago."""
USER_AGENT_LENGTH_MAX: Final = 200
SEEN_STEP_MS: Final = 60_000
"""The least time between two notes of a device's use."""


@value_object
class Device:
    """A browser that is signed in to an account. Times are real time, as sessions end by it.

    `device_id` is the random id of the browser's session. It gives no access: the cookie that holds it is signed.
    """

    device_id: str
    account_number: str
    user_agent: str
    """As the browser names itself, at most `USER_AGENT_LENGTH_MAX` characters."""
    signed_in_at_ms: int
    seen_at_ms: int


def is_due(device: Device, now_ms: int) -> bool:
    """Whether the use of the device now is noted."""
    return now_ms - device.seen_at_ms >= SEEN_STEP_MS


def surplus(devices: list[Device]) -> list[Device]:
    """Those that leave so that there is room for one more: the ones that were used the longest ago."""
    by_use = sorted(devices, key=lambda device: (device.seen_at_ms, device.device_id))
    return by_use[: max(0, len(by_use) - DEVICES_PER_ACCOUNT_MAX + 1)]
