"""The hub or a bank as a child of the lab: ready when its own health says so, and to be broken like any other part."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from lab.network.parts.errors import PartNotReady
from lab.network.parts.process import ChildProcess, wait_until

READY_DEADLINE_SECONDS: Final = 120.0
READY_POLL_SECONDS: Final = 0.05
HEALTH_TIMEOUT_SECONDS: Final = 5.0
STOP_GRACE_SECONDS: Final = 12.0
"""A little more than a service gives its own roles to finish."""


class Service:
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
        self.name = name
        self.url = url
        self.log_file = folder / f"{name}.log"
        # -P: what lies in the working folder is no module of ours.
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._environment = environment
        self._folder = folder
        self._client = client
        self._child = ChildProcess(name)
        self._last_answer = "nothing"

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Starts it without waiting, so that several can start at the same time."""
        self._child.start(self._command, self._environment(), self.log_file, working_folder=self._folder)

    def await_ready(self, deadline_seconds: float = READY_DEADLINE_SECONDS) -> None:
        """Waits until it says that it is ready. Raises `PartNotReady` with what it said last and the end of its log."""
        try:
            wait_until(
                self.is_ready,
                deadline_seconds,
                f"{self.name} to be ready",
                children=[self._child],
                poll_seconds=READY_POLL_SECONDS,
            )
        except PartNotReady as error:
            raise PartNotReady(f"{error}\nIts health was: {self._last_answer}") from None

    def is_ready(self) -> bool:
        """Whether it answers now that it is ready."""
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

    def retire(self) -> None:
        """Refuses to be started from now on."""
        self._child.retire()

    def request_stop(self) -> None:
        """Asks it to end and does not wait."""
        self._child.request_stop()

    def stop(self) -> None:
        """Ends it in good order. Does nothing when it has ended."""
        self._child.stop(STOP_GRACE_SECONDS)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self._child.kill()

    def freeze(self) -> None:
        """Makes it stand still."""
        self._child.freeze()

    def thaw(self) -> None:
        """Lets it go on."""
        self._child.thaw()

    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._child.is_frozen()

    def restart(self) -> None:
        """Stops it if it runs, and starts it again with an environment of now."""
        self.stop()
        self.start()

    def is_running(self) -> bool:
        """True while its process exists, frozen or not."""
        return self._child.is_running()

    @property
    def exit_code(self) -> int | None:
        """Of its last run; minus the signal's number when a signal ended it, None while it runs."""
        return self._child.exit_code

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def log_tail(self) -> str:
        """The last lines of its log."""
        return self._child.log_tail()
