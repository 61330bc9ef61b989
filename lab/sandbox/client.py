"""A sandbox as a test sees it: what `codepix sandbox` has printed, and what can be asked of it.

The network itself runs in another process.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from pix.web.client import new_http_client

START_SECONDS_MAX: Final = 120.0
STOP_SECONDS_MAX: Final = 30.0
ANSWER_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.05
CLOCK_SECONDS_MAX: Final = 60.0
REST_SECONDS_MAX: Final = 30.0
ERROR_LINES_SHOWN: Final = 20


class SandboxError(Exception):
    """The sandbox did not start, or refused what was asked; the text says why."""


class CodePixNetwork:
    """A running sandbox.

    `document` is the JSON object of `codepix sandbox`. `merchant` and `payer` in it are a company of the first bank and
    a rich person of the second one.
    """

    def __init__(self, document: Mapping[str, Any], client: httpx.Client | None = None) -> None:
        self.document = document
        self._client = client or new_http_client(timeout=ANSWER_SECONDS_MAX)

    @property
    def merchant(self) -> dict[str, Any]:
        """A company of the first bank: account number, tax id, keys, credentials and the addresses of its bank."""
        return dict(self.document["merchant"])

    @property
    def payer(self) -> dict[str, Any]:
        """A rich person of the second bank."""
        return dict(self.document["payer"])

    @property
    def hub(self) -> dict[str, Any]:
        return dict(self.document["hub"])

    @property
    def banks(self) -> dict[str, dict[str, Any]]:
        """The banks by code."""
        return dict(self.document["banks"])

    def reset(self) -> None:
        """Puts books, switches, rules and clock back to the start."""
        self._control("POST", "/reset")

    def snapshot(self, name: str) -> None:
        """Keeps the present state under a name, once the network is at rest."""
        self._control("PUT", f"/snapshots/{name}")

    def restore(self, name: str) -> None:
        """Puts a state back that was kept."""
        self._control("POST", f"/snapshots/{name}/restore")

    @property
    def open_items(self) -> list[str]:
        """What keeps the network from being at rest."""
        return list(self._control("GET", "/open")["open"])

    def wait_at_rest(self, seconds_max: float = REST_SECONDS_MAX) -> None:
        """Waits until nothing is owed by hub or banks. Raises `SandboxError` with what is still open."""
        deadline = time.monotonic() + seconds_max
        while open_items := self.open_items:
            if time.monotonic() >= deadline:
                raise SandboxError(f"still open after {seconds_max:g} seconds: {', '.join(open_items)}")
            time.sleep(LOOK_SECONDS)

    def pay(self, code: str, **how: Any) -> dict[str, Any]:
        """Lets the payer pay a copia e cola; `how` has the fields of `POST /sandbox/payments`."""
        return dict(self.call("POST", f"{self.payer['sandbox_url']}/payments", json={"code": code, **how}))

    def verdict(self, receipts: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Compares what the merchant's webhook receiver has booked with the bank's books.

        `receipts` has an entry for each booking, with `endToEndId` and `valor`. `is_right` in the answer sums it up.
        """
        shop = self.merchant
        report = {"account_number": shop["account_number"], "receipts": list(receipts)}
        self.call("POST", f"{shop['sandbox_url']}/receipts", json=report)
        query = {"account_number": shop["account_number"]}
        return dict(self.call("GET", f"{shop['sandbox_url']}/verdict", params=query))

    def advance(self, seconds: float) -> None:
        """Moves the virtual clock ahead, and waits until it has arrived."""
        seen = self.call("POST", f"{self.hub['api_url']}/clock/advance", json={"milliseconds": round(seconds * 1000)})
        deadline = time.monotonic() + CLOCK_SECONDS_MAX
        while seen["is_moving"]:
            if time.monotonic() >= deadline:
                raise SandboxError(f"the clock has not arrived: {', '.join(seen['open'])}")
            time.sleep(LOOK_SECONDS)
            seen = self.call("GET", f"{self.hub['api_url']}/clock")

    def call(self, method: str, url: str, **arguments: Any) -> Any:
        """Asks hub or bank as their operator; the JSON of the answer. Raises `SandboxError`."""
        return self._answer(self.hub["operator_password"], method, url, **arguments)

    def read_document(self) -> dict[str, Any]:
        """The JSON object with the balances of now."""
        return dict(self._control("GET", "/"))

    def _control(self, method: str, path: str) -> Any:
        control = self.document["control"]
        return self._answer(control["token"], method, f"{control['url']}{path}")

    def _answer(self, password: str, method: str, url: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {password}", **arguments.pop("headers", {})}
        try:
            answer = self._client.request(method, url, headers=headers, **arguments)
        except httpx.HTTPError as error:
            raise SandboxError(f"{method} {url}: {type(error).__name__}: {error}") from None
        if answer.is_error:
            raise SandboxError(f"{method} {url}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SandboxProcess:
    """`codepix sandbox` as a child of this process; it ends with the block, and with this process."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        """`options` are those of the command."""
        self._command = [sys.executable, "-P", "-m", "lab", "sandbox", *options]
        self._process: subprocess.Popen[str] | None = None
        self._errors: list[str] = []
        self._readers: list[threading.Thread] = []
        self.network: CodePixNetwork | None = None

    def __enter__(self) -> CodePixNetwork:
        """Starts it. Raises `SandboxError` with what it said when it does not."""
        process = self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        lines: queue.Queue[str] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, note), daemon=True)
            for stream, note in ((process.stdout, lines.put), (process.stderr, self._note))
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.network = CodePixNetwork(json.loads(self._first_line(process, lines)))
        except BaseException:
            self._stop()
            raise
        return self.network

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.network is not None:
            self.network.close()
        self._stop()

    def _first_line(self, process: subprocess.Popen[str], lines: queue.Queue[str]) -> str:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                return lines.get(timeout=LOOK_SECONDS)
            if process.poll() is not None and lines.empty():
                break
        raise SandboxError("codepix sandbox did not start:\n" + "\n".join(self._errors[-ERROR_LINES_SHOWN:]))

    @staticmethod
    def _read(stream: Any, note: Any) -> None:
        for line in stream:
            note(line.rstrip("\n"))
        stream.close()

    def _note(self, line: str) -> None:
        self._errors = [*self._errors[-ERROR_LINES_SHOWN:], line]

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()


@contextlib.contextmanager
def attached_sandbox(control_url: str, token: str) -> Iterator[CodePixNetwork]:
    """A sandbox that runs already, by its control address and token; it goes on when the block ends."""
    with CodePixNetwork({"control": {"url": control_url.rstrip("/"), "token": token}, "hub": {}}) as knocking:
        document = knocking.read_document()
    with CodePixNetwork(document) as network:
        yield network


@contextlib.contextmanager
def running_sandbox(*options: str) -> Iterator[CodePixNetwork]:
    """A sandbox with these options of the command, for as long as the block lasts."""
    with SandboxProcess(options) as network:
        yield network


__all__ = ["CodePixNetwork", "SandboxError", "SandboxProcess", "attached_sandbox", "running_sandbox"]
