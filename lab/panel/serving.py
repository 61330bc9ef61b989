"""Puts the panel together for a network that runs, and serves it for as long as the lab lives."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

from lab.classroom.director import Director
from lab.drive.generator.generator import Generator
from lab.network.conditions import Conditions
from lab.network.parts.ports import LOOPBACK
from lab.network.parts.process import wait_until
from lab.network.run import Run
from lab.network.supervisor import Keeper
from lab.panel.app import create_app
from lab.panel.door import TOKEN_PARAMETER, PanelDoor
from lab.panel.programme import Programme
from lab.panel.site import Laboratory
from lab.panel.window import MapWindow
from lab.prove.scenarios.player import Player
from pix.runtime.addresses import http_url
from pix.web.server import serve_http

START_SECONDS_MAX: Final = 20.0
CONNECT_SECONDS_MAX: Final = 1.0


class PanelServer:
    """The panel of one run; its threads end with the run."""

    def __init__(self, run: Run, keeper: Keeper, port: int, director: Director | None = None) -> None:
        """With a director the panel is a classroom."""
        conditions = Conditions(keeper)
        generator = Generator(run.surveyor.hub, run.rest, run.network.secrets.operator, run.in_background)
        player = Player(run.network, keeper, run.rest, run.surveyor)
        programme = Programme(player, run.surveyor, generator, run.afterwards)
        window = MapWindow(run.network.hub_url, run.network.hubs[0].name, conditions, run.client)
        self._run = run
        self._port = port
        self._door = PanelDoor()
        self._works: list[Callable[[threading.Event], None]] = [
            *conditions.works(),
            *window.works(),
            lambda stop: self._end_with(stop, programme),
        ]
        laboratory = Laboratory(run.network, keeper, conditions, generator, programme, window, run.ends, director)
        self._app = create_app(laboratory, self._door, port)

    @property
    def address(self) -> str:
        """Where to come in: with the token of this start."""
        return f"{http_url(LOOPBACK, self._port)}/?{TOKEN_PARAMETER}={self._door.token}"

    def start(self) -> None:
        """Begins to serve, in the background; returns when it answers. Raises `PartError`."""
        for work in self._works:
            self._run.in_background(work)
        serving = self._run.in_background(lambda stop: serve_http(self._app, LOOPBACK, self._port, stop))
        wait_until(lambda: self._listens() or not serving.is_alive(), START_SECONDS_MAX, "the lab's panel to listen")

    def _listens(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self._port), timeout=CONNECT_SECONDS_MAX).close()
        except OSError:
            return False
        return True

    @staticmethod
    def _end_with(stop: threading.Event, programme: Programme) -> None:
        """A scenario that is going on is given up when the lab stops."""
        stop.wait()
        programme.stop()
