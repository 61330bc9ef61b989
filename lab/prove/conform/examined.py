"""The bank under examination as a process or an address: started, killed, frozen, and asked whether it is ready."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from lab.network.parts.errors import PartError, PartNotReady
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import ChildProcess, describe_exit_code, wait_until
from lab.prove.conform.contract import PREFIX
from lab.prove.conform.verdict import CannotExamine, Failed
from pix.runtime.addresses import http_url

OWN_BANK: Final = "ours"
"""The command that stands for CodePix's own bank."""
READY_SECONDS_MAX: Final = 90.0
"""Of a command. Runtimes that compile first, such as `go run`, need some of it."""
ADDRESS_SECONDS_MAX: Final = 300.0
"""Until a bank that is started by hand is ready."""
READY_PATH: Final = f"{PREFIX}/bank"
READY_POLL_SECONDS: Final = 0.1
PROBE_SECONDS_MAX: Final = 5.0
END_SECONDS_MAX: Final = 10.0
"""A bank ends on SIGTERM within this time."""
EXAMINERS_OWN: Final = {"GRPC_VERBOSITY": "ERROR", "GRPC_ENABLE_FORK_SUPPORT": "0"}
"""Variables of the examiner's process alone: gRPC tells of each process that is started beside its threads."""
UNEXPECTED_ENDS_MAX: Final = 10
"""A bank that ends so often without being stopped is not started again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The bank under examination as the network knows it."""

    code: str
    ispb: str
    name: str
    secret: str


class Examined:
    """A bank at an address that the examiner did not start."""

    def __init__(self, url: str, client: httpx.Client, ready_path: str = READY_PATH) -> None:
        """`ready_path` is answered with 200 once the bank is ready."""
        self.url = url
        self._ready_path = ready_path
        self._client = client
        self._last_answer = "no answer yet"

    @property
    def can_restart(self) -> bool:
        return False

    def is_ready(self) -> bool:
        try:
            answer = self._client.get(f"{self.url}{self._ready_path}", timeout=PROBE_SECONDS_MAX)
        except httpx.HTTPError as error:
            self._last_answer = type(error).__name__
            return False
        self._last_answer = f"status {answer.status_code}"
        return answer.status_code == httpx.codes.OK

    def await_ready(self, seconds_max: float = ADDRESS_SECONDS_MAX) -> None:
        """Raises `CannotExamine`."""
        try:
            wait_until(self.is_ready, seconds_max, "the bank to be ready", poll_seconds=READY_POLL_SECONDS)
        except PartNotReady:
            address = f"{self.url}{self._ready_path}"
            raise CannotExamine(
                f"{address} did not answer 200 within {seconds_max:g} s; at last: {self._last_answer}."
            ) from None

    def check_alive(self) -> None:
        """Called between cases. A bank that has ended is started again where that is possible."""

    def stop(self) -> None:
        """At the end of the examination."""


class StartedBank(Examined):
    """A bank that the examiner starts by a command, on a free port."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        client: httpx.Client,
        name: str = "bank",
        ready_path: str = READY_PATH,
    ) -> None:
        """`environment` is that of the contract without the port and the data folder, which are made here."""
        port = free_port()
        super().__init__(http_url(LOOPBACK, port), client, ready_path)
        self._command = list(command)
        data = folder / f"{name}-data"
        data.mkdir(parents=True, exist_ok=True)
        self._log_file = folder / "logs" / f"{name}.log"
        self._environment = {
            # The stranger's program may need anything of the caller's environment, such as GOPATH or VIRTUAL_ENV.
            **{name: value for name, value in os.environ.items() if name not in EXAMINERS_OWN},
            **environment,
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(port),
            "DATA_DIR": str(data.absolute()),
        }
        self._child = ChildProcess(name, END_SECONDS_MAX)
        self._is_wanted = False
        self._unexpected_ends = 0

    @property
    def can_restart(self) -> bool:
        return True

    def start(self) -> None:
        """Starts it and waits until it is ready. Raises `CannotExamine` with the end of its log."""
        self.launch()
        self.await_ready(READY_SECONDS_MAX)

    def launch(self) -> None:
        """Raises `CannotExamine` for a command that cannot be started."""
        try:
            self._child.start(self._command, self._environment, self._log_file, working_folder=Path.cwd())
        except PartError as error:
            raise CannotExamine(f"--bank: {error}") from None
        self._is_wanted = True

    def await_ready(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        try:
            wait_until(
                self.is_ready,
                seconds_max,
                f"GET {self._ready_path} to answer 200 (at last: {self._last_answer})",
                children=[self._child],
                poll_seconds=READY_POLL_SECONDS,
            )
        except PartNotReady as error:
            raise CannotExamine(str(error)) from None

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self._is_wanted = False
        self._child.kill()

    def terminate(self) -> float:
        """SIGTERM; returns how many seconds it took to end. Raises `Failed` after `END_SECONDS_MAX`, and kills it."""
        self._is_wanted = False
        began = time.monotonic()
        self._child.request_stop()
        try:
            wait_until(lambda: not self._child.is_running(), END_SECONDS_MAX, "the bank to end on SIGTERM")
        except PartNotReady:
            self._child.kill()
            raise Failed(f"The bank did not end within {END_SECONDS_MAX:g} s of SIGTERM.") from None
        return time.monotonic() - began

    def freeze(self) -> None:
        """SIGSTOP to the process and all below it."""
        self._child.freeze()

    def thaw(self) -> None:
        self._child.thaw()

    @property
    def is_running(self) -> bool:
        return self._child.is_running()

    def end_of_log(self) -> str:
        """The last lines that the bank has written."""
        return self._child.log_tail()

    def check_alive(self) -> None:
        """Starts a bank again that has ended without being stopped. Raises `CannotExamine` when it does so for ever."""
        if not self._is_wanted or self._child.is_running():
            return
        self._unexpected_ends += 1
        how = describe_exit_code(self._child.exit_code)
        if self._unexpected_ends > UNEXPECTED_ENDS_MAX:
            raise CannotExamine(
                f"The bank ended {self._unexpected_ends} times without being stopped, at last with {how}. "
                f"Its log ends with:\n{self._child.log_tail()}"
            )
        self.start()

    def why_ended(self) -> str:
        """How the process ended although nothing stopped it; empty while it runs."""
        if not self._is_wanted or self._child.is_running():
            return ""
        return f"the bank's process ended with {describe_exit_code(self._child.exit_code)}"

    def stop(self) -> None:
        self._is_wanted = False
        self._child.stop()


def is_address(bank: str) -> bool:
    """Whether `--bank` names an address and not a command."""
    return bank.startswith(("http://", "https://"))


def command_of(bank: str) -> list[str]:
    """The command of `--bank`; that of our own bank for `ours`. Raises ValueError for quotes that do not end."""
    if bank == OWN_BANK:
        return [sys.executable, "-P", "-m", "bank_sim", "serve", "--migrate"]
    return shlex.split(bank)
