"""The network of a sandbox starts over: its books are as they were, and scheme time may go back with them."""

from __future__ import annotations

from pix.participant.clock.model import FollowClock
from pix.scheme.clock import time_of_text
from pix.scheme.errors import SchemeError


class StartOver:
    """What this process must do once the lab has put the books back."""

    def __init__(self, follow_clock: FollowClock | None) -> None:
        self._follow_clock = follow_clock

    def __call__(self, clock: str) -> None:
        """Takes the hub's revision, also when scheme time goes back with it.

        Raises SchemeError(field="clock"), also in a network whose clock is real, and DatabaseUnavailable.
        """
        if self._follow_clock is None:
            raise SchemeError("clock", "This network has no virtual clock.")
        self._follow_clock.start_over(time_of_text(clock))
