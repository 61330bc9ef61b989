"""The broker as the lab sees it, and librdkafka's own, which needs nothing to be installed."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from pathlib import Path

from lab.network.parts import embedded_broker
from lab.network.parts.errors import PartError
from lab.network.parts.process import ChildPart, wait_until

EMBEDDED_START_DEADLINE_SECONDS = 15.0
EMBEDDED_STOP_GRACE_SECONDS = 3.0


class Broker(ChildPart):
    """A broker that speaks Kafka's protocol, makes topics of four partitions on first use, and can be broken."""

    @property
    @abstractmethod
    def bootstrap_servers(self) -> str:
        """Where clients find it. Raises `PartError` while that is not known."""

    @abstractmethod
    def wipe(self) -> None:
        """Loses every topic, record and committed offset, and is ready again when it returns."""


class EmbeddedBroker(Broker):
    """librdkafka's broker, from the confluent-kafka wheel, in a process of its own.

    It takes requests of 64 KiB at most. It keeps everything in memory, and of each partition only the latest 5 MiB or
    100,000 records, so each end of it is a loss of the log, which CodePix must survive. Each start takes a port of
    the system's choice: clients that are to outlive a restart need a broker with a fixed port
    (`lab.network.parts.apache_kafka`), or must be started again.
    """

    def __init__(self, log_file: Path, *, name: str = "broker") -> None:
        super().__init__(name, EMBEDDED_STOP_GRACE_SECONDS)
        self._output_file = log_file
        self._bootstrap_servers: str | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients find it since its latest start. Raises `PartError` before the first."""
        if self._bootstrap_servers is None:
            raise PartError(f"{self.name} has no address before it is started.")
        return self._bootstrap_servers

    def start(self) -> None:
        """Starts an empty broker and waits until it has an address."""
        # As a file, like the watchdog: it then starts from any folder, whether or not the lab is installed.
        self._start_command([sys.executable, "-P", embedded_broker.__file__], None, self._output_file)
        self._bootstrap_servers = wait_until(
            self._announced_address,
            EMBEDDED_START_DEADLINE_SECONDS,
            f"{self.name} to say where it listens",
            children=[self],
        )

    def wipe(self) -> None:
        """The same as `restart`, since this broker never keeps its log."""
        self.restart()

    def _announced_address(self) -> str | None:
        for line in self.log_text().splitlines():
            # Nothing but a whole line of the broker's own is an address: the rest may be warnings of Python's.
            if line.startswith('{"bootstrap_servers":') and line.endswith("}"):
                return str(json.loads(line)["bootstrap_servers"])
        return None
