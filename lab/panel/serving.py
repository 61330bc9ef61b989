"""Puts the panel together for a network that runs, and serves it for as long as the lab lives."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI

from lab.classroom.puzzle_room import PuzzleRoom
from lab.classroom.walkthrough import Walkthrough
from lab.drive.generator.generator import Generator
from lab.network.health_monitor import HealthMonitor
from lab.network.parts.ports import LOOPBACK
from lab.network.parts.process import wait_until
from lab.network.run import Background, Run
from lab.network.supervisor import Supervisor
from lab.panel.app import create_app
from lab.panel.documents import RunDocument
from lab.panel.history import RunHistory
from lab.panel.map_frame import MapFrame
from lab.panel.network_clock import PanelClock
from lab.panel.operator_sign_in import TOKEN_PARAMETER, OperatorSignIn
from lab.panel.site import Laboratory
from lab.panel.tasks import TaskRunner
from lab.prove.scenarios.runner import ScenarioRunner
from pix.runtime.addresses import http_url
from pix.web.server import serve_http

START_SECONDS_MAX: Final = 20.0
CONNECT_SECONDS_MAX: Final = 1.0


class PanelServer:
    """The panel of one run; its threads end with the run."""

    def __init__(
        self,
        run: Run,
        supervisor: Supervisor,
        port: int,
        walkthrough: Walkthrough | None = None,
        *,
        sign_in: OperatorSignIn | None = None,
        reset: threading.Event | None = None,
    ) -> None:
        """With a walkthrough the panel is a classroom.

        With the `sign_in` of an earlier run its browsers stay signed in. `reset` is set when a request asks for all to
        start again without its data; without one there is no such request.
        """
        health_monitor = HealthMonitor(supervisor)
        generator = Generator(run.reader.hub, run.rest, run.network.secrets.operator, run.in_background)
        runner = ScenarioRunner(run, supervisor)
        history = RunHistory(run.network.folder)
        tasks = TaskRunner(
            runner,
            run.reader,
            generator,
            on_over=lambda task: history.add(RunDocument.of(task).model_dump(mode="json")),
        )
        clock = PanelClock(run.reader.hub) if run.network.settings.virtual_clock else None
        map_frame = MapFrame(run.network.hub_url, run.network.hubs[0].name, health_monitor, run.client)
        puzzles = None if walkthrough is None else PuzzleRoom()
        self._run = run
        self._port = port
        self._sign_in = sign_in or OperatorSignIn()
        self._works: list[Callable[[threading.Event], None]] = [
            *health_monitor.works(),
            map_frame.run,
            *([] if clock is None else [clock.run]),
            *([] if puzzles is None else [puzzles.work]),
            lambda stop: self._end_with(stop, tasks),
        ]
        laboratory = Laboratory(
            run.network,
            supervisor,
            health_monitor,
            generator,
            tasks,
            map_frame,
            run.ends,
            history,
            walkthrough,
            clock,
            puzzles=puzzles,
            reset=reset if walkthrough is None else None,
        )
        self._app = create_app(laboratory, self._sign_in, port)

    @property
    def address(self) -> str:
        """Where to come in: with the token of this start."""
        return address_of(self._port, self._sign_in)

    def start(self) -> None:
        """Begins to serve, in the background; returns when it answers. Raises `PartError`."""
        for work in self._works:
            self._run.in_background(work)
        serve(self._app, self._port, self._run)

    @staticmethod
    def _end_with(stop: threading.Event, tasks: TaskRunner) -> None:
        """A scenario that is going on is given up when the lab stops."""
        stop.wait()
        tasks.stop()


def address_of(port: int, sign_in: OperatorSignIn) -> str:
    """Where to come in: with the token of this start."""
    return f"{http_url(LOOPBACK, port)}/?{TOKEN_PARAMETER}={sign_in.token}"


def serve(app: FastAPI, port: int, background: Background) -> None:
    """Begins to serve on 127.0.0.1, in the background; returns when it answers. Raises `PartError`."""
    serving = background.in_background(lambda stop: serve_http(app, LOOPBACK, port, stop))
    wait_until(lambda: _listens(port) or not serving.is_alive(), START_SECONDS_MAX, "the lab's panel to listen")


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=CONNECT_SECONDS_MAX).close()
    except OSError:
        return False
    return True
