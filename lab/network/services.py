"""The hub or a bank as a child of the lab: ready when its own health says so, and to be broken like any other part."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from lab.network.parts.errors import PartNotReady
from lab.network.parts.process import ChildPart, wait_until

READY_DEADLINE_SECONDS: Final = 120.0
READY_POLL_SECONDS: Final = 0.05
HEALTH_TIMEOUT_SECONDS: Final = 5.0
STOP_GRACE_SECONDS: Final = 12.0
"""A little more than a service gives its own roles to finish."""


class Service(ChildPart):
    """A process of ours. Its environment is asked for at each start, since a broker may have moved meanwhile."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        url: str,
        folder: Path,
        client: httpx.Client,
    ) -> None:
        """`module` is run with `python -m`; `url` is where its HTTP answers; `folder` is where it runs and logs."""
        super().__init__(name, STOP_GRACE_SECONDS)
        self.url = url
        self._output_file = folder / f"{name}.log"
        # -P: what lies in the working folder is no module of ours.
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._environment = environment
        self._folder = folder
        self._client = client
        self._last_answer = "nothing"

    def start(self) -> None:
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Starts it without waiting, so that several can start at the same time."""
        self._start_command(self._command, self._environment(), self._output_file, working_folder=self._folder)

    def await_ready(self, deadline_seconds: float = READY_DEADLINE_SECONDS) -> None:
        """Waits until it says that it is ready. Raises `PartNotReady` with what it said last and the end of its log."""
        try:
            wait_until(
                self.is_ready,
                deadline_seconds,
                f"{self.name} to be ready",
                children=[self],
                poll_seconds=READY_POLL_SECONDS,
            )
        except PartNotReady as error:
            raise PartNotReady(f"{error}\nIts health was: {self._last_answer}") from None

    def is_ready(self) -> bool:
        try:
            answer = self._client.get(f"{self.url}/health/ready", timeout=HEALTH_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            self._last_answer = f"no answer ({type(error).__name__})"
            return False
        self._last_answer = answer.text.strip()
        return answer.is_success

    def ask_health(self, seconds_max: float) -> tuple[bool, str]:
        """Whether it is ready, and if not, what it says is wrong, for people."""
        try:
            answer = self._client.get(f"{self.url}/health/ready", timeout=seconds_max)
        except httpx.HTTPError:
            return False, "not responding"
        if answer.is_success:
            return True, ""
        try:
            parts = dict(answer.json()["parts"])
        except (ValueError, KeyError, TypeError):
            return False, f"HTTP status {answer.status_code}"
        return False, "; ".join(f"{part}: {state}" for part, state in parts.items() if state != "ok")
