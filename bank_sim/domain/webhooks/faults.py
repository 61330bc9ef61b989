"""How a webhook can be made to misbehave, so that receivers can be tested."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

FAULT_DELAY_MS_MAX: Final = 3_600_000
FAULT_TIMES_MAX: Final = 20


class WebhookFault(StrEnum):
    DOUBLED = "doubled"
    """Sent twice at once."""
    DELAYED = "delayed"
    """Sent `delay_ms` later."""
    REORDERED = "reordered"
    """Sent after the next notice of the same webhook, or after `delay_ms` when none comes."""
    LOST = "lost"
    """Not sent until it is replayed."""
    REFUSED = "refused"
    """The first `times` attempts fail as if the receiver refused the connection."""
    WRONG_CERTIFICATE = "wrong_certificate"
    """The first `times` attempts fail as if the receiver's certificate were not the right one. An https receiver sees
    a handshake that the bank breaks off."""


@value_object
class FaultPlan:
    """A fault with its figures, in real time."""

    fault: WebhookFault
    delay_ms: int = 5_000
    """Of `DELAYED` and `REORDERED`."""
    times: int = 1
    """Of `REFUSED` and `WRONG_CERTIFICATE`."""

    def __post_init__(self) -> None:
        """Raises SchemeError(field="delay_ms" | "times")."""
        if not 0 <= self.delay_ms <= FAULT_DELAY_MS_MAX:
            raise SchemeError("delay_ms", f"The delay must be 0 to {FAULT_DELAY_MS_MAX} milliseconds.")
        if not 1 <= self.times <= FAULT_TIMES_MAX:
            raise SchemeError("times", f"An attempt can be made to fail 1 to {FAULT_TIMES_MAX} times.")
