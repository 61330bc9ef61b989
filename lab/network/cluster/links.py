"""The links between hosts: delay, jitter, loss and bandwidth, applied by a process that holds packets back."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lab.network.cluster import shaper
from lab.network.parts.errors import PartError
from lab.network.parts.process import Child, wait_until

START_DEADLINE_SECONDS: Final = 60.0
ANSWER_DEADLINE_SECONDS: Final = 30.0
STOP_GRACE_SECONDS: Final = 1.0
DELAY_MS_MAX: Final = 10_000.0
BANDWIDTH_MBIT_MIN: Final = 0.01
BANDWIDTH_MBIT_MAX: Final = 100_000.0
LOSS_PERCENT_MAX: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One direction from a host to another. Raises ValueError that names the field and the rule."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """A packet's delay is uniform in `delay_ms` ± `jitter_ms`, and never less than that of the packet before it:
    packets of one link keep their order."""
    loss_percent: float = 0.0
    bandwidth_mbit: float | None = None
    """Megabits a second; None: as fast as the machine."""

    def __post_init__(self) -> None:
        for name, value, maximum in (
            ("delay", self.delay_ms, DELAY_MS_MAX),
            ("jitter", self.jitter_ms, DELAY_MS_MAX),
            ("loss", self.loss_percent, LOSS_PERCENT_MAX),
        ):
            if not 0 <= value <= maximum:
                raise ValueError(f"{name} is {value:g}, and goes from 0 to {maximum:g}")
        if self.jitter_ms > self.delay_ms:
            raise ValueError(f"jitter is {self.jitter_ms:g} ms, and is at most the delay ({self.delay_ms:g} ms)")
        if self.bandwidth_mbit is not None and not BANDWIDTH_MBIT_MIN <= self.bandwidth_mbit <= BANDWIDTH_MBIT_MAX:
            raise ValueError(
                f"bandwidth is {self.bandwidth_mbit:g} Mbit/s, and goes from {BANDWIDTH_MBIT_MIN:g} to "
                f"{BANDWIDTH_MBIT_MAX:g}"
            )

    @property
    def is_clean(self) -> bool:
        """Whether packets pass without being held back."""
        return self == Link()


class LinkShaper(Child):
    """The process that holds back or drops packets; one for all hosts of a cluster."""

    def __init__(self, folder: Path, namespaces: Sequence[str], seed: int) -> None:
        super().__init__("link-shaper", STOP_GRACE_SECONDS)
        self._folder = folder
        self._namespaces = list(namespaces)
        self._seed = seed
        self._socket_file = folder / "shaper.socket"

    def start(self) -> None:
        """Starts it and waits until it answers. Raises `PartError`."""
        # As a file, like the watchdog: it imports nothing of the lab.
        command = [sys.executable, "-P", shaper.__file__, str(self._socket_file), str(self._seed), *self._namespaces]
        self._start_command(command, None, self._folder / "link-shaper.log", working_folder=self._folder)
        wait_until(
            self._answers,
            START_DEADLINE_SECONDS,
            "the link shaper to answer",
            children=[self],
            retry_on=(OSError,),
        )

    def _answers(self) -> bool:
        self.apply({})
        return True

    def apply(self, links: Mapping[tuple[int, int], Link]) -> None:
        """Takes these links from now on, by the indexes of sender and receiver; all others are clean.

        Raises OSError when it does not answer, `PartError` when it refuses.
        """
        table = [{"sender": sender, "receiver": receiver, **asdict(link)} for (sender, receiver), link in links.items()]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_DEADLINE_SECONDS)
            connection.connect(str(self._socket_file))
            connection.sendall(json.dumps(table).encode() + b"\n")
            answer = connection.makefile("rb").readline()
        if answer != shaper.DONE:
            raise PartError(f"The link shaper did not take the links: {answer.decode(errors='replace').strip()}")
