"""The network's map beside the controls: a frame of the hub's console, and a text while the hub starts or is away."""

from __future__ import annotations

import threading
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import httpx

from lab.network.health_monitor import Condition, HealthMonitor

MAP_PATH: Final = "/map"
LOOK_SECONDS: Final = 0.5
ANSWER_SECONDS_MAX: Final = 3.0


class MapState(StrEnum):
    STARTING = "starting"
    AWAY = "away"
    LINK = "link"
    """The hub has no page that may be shown within another one; there is a link to its console."""
    THERE = "there"


class MapFrame:
    """Checks whether the hub serves its map, again after each restart of the hub."""

    def __init__(self, hub_url: str, hub_name: str, health_monitor: HealthMonitor, client: httpx.Client) -> None:
        self.url = f"{hub_url}{MAP_PATH}"
        self._hub_name = hub_name
        self._health_monitor = health_monitor
        self._client = client
        self._state = MapState.STARTING
        self._generation = 0

    @property
    def state(self) -> MapState:
        return self._state

    @property
    def generation(self) -> int:
        """How often the hub has been restarted: the page reloads the map each time."""
        return self._generation

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            self.check()

    def check(self) -> None:
        report = self._health_monitor.report(self._hub_name)
        if report.condition is Condition.STARTING:
            self._state = MapState.STARTING
        elif report.condition not in (Condition.READY, Condition.UNWELL):
            self._state = MapState.AWAY
        elif self._state in (MapState.STARTING, MapState.AWAY) and report.condition is Condition.READY:
            self._state = self._ask()
            self._generation += 1

    def _ask(self) -> MapState:
        try:
            answer = self._client.get(self.url, timeout=ANSWER_SECONDS_MAX)
        except httpx.HTTPError:
            return MapState.AWAY
        may_be_framed = "frame-ancestors 'none'" not in answer.headers.get("content-security-policy", "")
        return MapState.THERE if answer.status_code == HTTPStatus.OK and may_be_framed else MapState.LINK
