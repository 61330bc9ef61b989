"""The network's virtual clock in the panel: read from the hub every second, and moved through its REST API."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lab.read.rest import HubRest, Json, Refused, Unreachable
from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.web.marks import translatable

READ_SECONDS: Final = 1.0
_NOT_A_TIME: Final = translatable("Write the time as year-month-dayThours:minutes.")


class PanelClock:
    """The last reading, and the buttons."""

    def __init__(self, hub: HubRest) -> None:
        self._hub = hub
        self.seen: Json | None = None
        """As `GET /api/v1/clock` has it; None while the hub does not answer."""

    @property
    def virtual_now_ms(self) -> int | None:
        """For the banner; None while time is real."""
        seen = self.seen
        return None if seen is None or seen["is_real"] else int(seen["now_ms"])

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.seen = self._hub.get("/clock")
            except (Unreachable, Refused):
                self.seen = None
            stop.wait(READ_SECONDS)

    def advance(self, milliseconds: int) -> None:
        self._post("/clock/advance", {"milliseconds": milliseconds})

    def until(self, text: str) -> None:
        """`text` is a time in São Paulo, as a browser's field gives it. Raises SchemeError(field="at")."""
        try:
            at_ms = instant_ms(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            raise SchemeError("at", _NOT_A_TIME) from None
        self._post("/clock/until", {"at_ms": at_ms})

    def set_rate(self, rate: int) -> None:
        self._post("/clock/rate", {"rate": rate})

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        """Raises Unreachable, and SchemeError for what the hub refuses."""
        try:
            self.seen = self._hub.call("POST", path, json=body)
        except Refused as refused:
            raise SchemeError(refused.field or "clock", refused.rule) from None
