"""The network's own map beside the controls: a window into the hub's console, and words while the hub is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import httpx

from lab.network.conditions import Condition, Conditions

MAP_PATH: Final = "/map"
LOOK_SECONDS: Final = 0.5
ANSWER_SECONDS_MAX: Final = 3.0


class MapState(StrEnum):
    """What the window shows."""

    AWAY = "away"
    """The hub does not answer."""
    LINK = "link"
    """The hub has no page that may be shown within another one; there is a link to its console."""
    THERE = "there"


class MapWindow:
    """Looks whether the hub shows its map; again whenever the hub has come back."""

    def __init__(self, hub_url: str, hub_name: str, conditions: Conditions, client: httpx.Client) -> None:
        self.url = f"{hub_url}{MAP_PATH}"
        self._hub_name = hub_name
        self._conditions = conditions
        self._client = client
        self._state = MapState.AWAY
        self._life = 0

    @property
    def state(self) -> MapState:
        """As of the last look."""
        return self._state

    @property
    def life(self) -> int:
        """How often the hub has come back: the page loads the map anew each time."""
        return self._life

    def works(self) -> list[Callable[[threading.Event], None]]:
        """What looks until told to stop."""

        def run(stop: threading.Event) -> None:
            while not stop.wait(LOOK_SECONDS):
                self.look()

        return [run]

    def look(self) -> None:
        """Looks once."""
        report = self._conditions.report(self._hub_name)
        if report.condition not in (Condition.READY, Condition.UNWELL):
            self._state = MapState.AWAY
        elif self._state is MapState.AWAY and report.condition is Condition.READY:
            self._state = self._ask()
            self._life += 1

    def _ask(self) -> MapState:
        try:
            answer = self._client.get(self.url, timeout=ANSWER_SECONDS_MAX)
        except httpx.HTTPError:
            return MapState.AWAY
        may_be_framed = "frame-ancestors 'none'" not in answer.headers.get("content-security-policy", "")
        return MapState.THERE if answer.status_code == HTTPStatus.OK and may_be_framed else MapState.LINK
