"""Apache Kafka on several hosts: each is broker and controller, each record is on three of them, two acknowledge it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lab.network.cluster.hosts import Host, Process
from lab.network.cluster.quorum import active_controller
from lab.network.parts.apache_kafka import (
    ApacheKafkaSettings,
    fetch_jars,
    find_java,
    format_options,
    new_cluster_id,
    shared_properties,
    write_properties,
)
from lab.network.parts.errors import PartError
from lab.network.parts.process import wait_until
from pix.runtime.addresses import join_host_port

BROKER_PORT: Final = 9_092
CONTROLLER_PORT: Final = 9_093
REPLICATION: Final = 3
IN_SYNC_MIN: Final = 2
HEAP_MEGABYTES: Final = 256
START_DEADLINE_SECONDS: Final = 300.0
FORMAT_DEADLINE_SECONDS: Final = 120.0
STOP_GRACE_SECONDS: Final = 20.0
METADATA_TIMEOUT_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.2
# Kafka's default of 9 s is for machines that have nothing else to do; with three of them on one, a short time would
# take a busy broker for a dead one.
SESSION_TIMEOUT_MS: Final = 9_000
QUORUM_TIMEOUT_MS: Final = 4_000


class BrokerCluster:
    """A broker on each of these hosts, in KRaft's combined mode; the hosts together are the controllers' quorum."""

    def __init__(self, hosts: Sequence[Host], folder: Path, *, heap_megabytes: int = HEAP_MEGABYTES) -> None:
        """`folder` gets a folder for each broker. One broker has no replicas; with two or more, one may fail."""
        self.hosts = list(hosts)
        self._folder = folder.absolute()
        self._settings = ApacheKafkaSettings(heap_megabytes=heap_megabytes, first_compiler_only=True)
        self._cluster_id = new_cluster_id()
        self._replication = min(REPLICATION, len(self.hosts))
        self._processes: dict[str, Process] = {}

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(join_host_port(host.address, BROKER_PORT) for host in self.hosts)

    @property
    def replication(self) -> int:
        return self._replication

    def start(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Starts all, and waits until each leads or follows. Raises `PartMissing`, `PartError`."""
        fetch_jars()
        for host in self.hosts:
            progress(f"Starting Apache Kafka on {host.name}")
            self._launch(host)
        self.await_ready()

    def start_member(self, host: Host) -> None:
        """Starts the broker of this host again, with the log that it has kept; does not wait for it."""
        self._launch(host)

    def await_ready(self, count: int | None = None) -> None:
        """Waits until a client sees `count` brokers, by default all. Raises `PartNotReady`, with the end of a log."""
        wanted = len(self.hosts) if count is None else count
        running = [process for process in self._processes.values() if process.is_running()]
        wait_until(
            lambda: len(self.seen()) >= wanted,
            START_DEADLINE_SECONDS,
            f"{wanted} brokers to answer a client",
            children=running,
            poll_seconds=POLL_SECONDS,
        )

    def seen(self) -> list[Host]:
        """The hosts whose brokers serve clients: each answers at its own address, and all that answer list it.

        The word of another broker alone says less: it lists one that was killed until its session ends, and so one that
        was started again and may not register before.
        """
        running = [host for host in self.hosts if self.is_running(host)]
        with ThreadPoolExecutor(max_workers=len(self.hosts)) as threads:
            lists = list(threads.map(self._listed_by, running))
        answers = [listed for listed in lists if listed]
        return [
            host
            for host, listed in zip(running, lists, strict=True)
            if listed and all(self._node_id(host) in each for each in answers)
        ]

    def _listed_by(self, host: Host) -> Collection[int]:
        """The brokers that the broker of this host knows; none when it does not answer."""
        client = AdminClient({"bootstrap.servers": join_host_port(host.address, BROKER_PORT), "log_level": 0})
        try:
            return client.list_topics(timeout=METADATA_TIMEOUT_SECONDS).brokers
        except KafkaException:
            return ()

    def controller(self) -> Host | None:
        """The host of the active controller, as the first broker that answers knows it; None where none is known."""
        for host in self.hosts:
            try:
                node_id = active_controller(host.address, BROKER_PORT, METADATA_TIMEOUT_SECONDS)
            except (OSError, ValueError):
                continue
            if node_id is not None:
                return self._host_of(node_id)
        return None

    def is_running(self, host: Host) -> bool:
        """Whether the broker's process of this host runs, which says nothing about its readiness."""
        process = self._processes.get(host.name)
        return process is not None and process.is_running()

    def kill(self, host: Host) -> None:
        """Kills the broker of this host. Its log stays."""
        self._process(host).kill()

    def terminate(self, host: Host) -> None:
        """Stops the broker of this host in good order: it hands its partitions over first."""
        self._process(host).stop()

    def wipe(self, host: Host) -> None:
        """Kills the broker of this host and removes its disk; `start_member` starts it with an empty one."""
        self.kill(host)
        shutil.rmtree(self._folder / host.name / "log", ignore_errors=True)

    def stop(self) -> None:
        """Stops all. Does nothing to those that have ended."""
        for process in self._processes.values():
            process.request_stop()
        for process in self._processes.values():
            process.stop()

    def _launch(self, host: Host) -> None:
        running = self._processes.get(host.name)
        if running is not None and running.is_running():
            raise PartError(f"{running.name} is running already, as process {running.pid}.")
        folder = self._folder / host.name
        log_folder, output = folder / "log", self._folder / f"kafka-{host.name}.log"
        log_folder.mkdir(parents=True, exist_ok=True)
        properties_file = folder / "server.properties"
        write_properties(properties_file, self._properties(host, log_folder))
        java = [find_java(), *self._settings.java_options(), "-cp", f"{fetch_jars()}/*"]
        if not (log_folder / "meta.properties").exists():
            format_command = [*java, *format_options(self._cluster_id, properties_file)]
            formatting = host.start("kafka-format", format_command, env={}, log=output, working_folder=folder)
            wait_until(lambda: not formatting.is_running(), FORMAT_DEADLINE_SECONDS, "Apache Kafka to format its disk")
            if formatting.exit_code != 0:
                raise PartError(f"Apache Kafka could not format its disk on {host.name}:\n{formatting.log_tail()}")
        self._processes[host.name] = host.start(
            "kafka",
            [*java, "kafka.Kafka", str(properties_file)],
            env={},
            log=output,
            working_folder=folder,
            stop_grace_seconds=STOP_GRACE_SECONDS,
        )

    def _properties(self, host: Host, log_folder: Path) -> dict[str, str | int]:
        listener = f"PLAINTEXT://{join_host_port(host.address, BROKER_PORT)}"
        controller = f"CONTROLLER://{join_host_port(host.address, CONTROLLER_PORT)}"
        voters = ",".join(
            f"{self._node_id(each)}@{join_host_port(each.address, CONTROLLER_PORT)}" for each in self.hosts
        )
        return {
            "process.roles": "broker,controller",
            "node.id": self._node_id(host),
            "controller.quorum.voters": voters,
            "listeners": f"{listener},{controller}",
            "advertised.listeners": listener,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(log_folder),
            **shared_properties(replication=self._replication, in_sync_min=min(IN_SYNC_MIN, self._replication)),
            # An out-of-sync replica must not lead, for it lacks records that were acknowledged.
            "unclean.leader.election.enable": "false",
            "broker.session.timeout.ms": SESSION_TIMEOUT_MS,
            "controller.quorum.election.timeout.ms": QUORUM_TIMEOUT_MS,
            "controller.quorum.fetch.timeout.ms": QUORUM_TIMEOUT_MS,
        }

    def _node_id(self, host: Host) -> int:
        return self.hosts.index(host) + 1

    def _host_of(self, node_id: int) -> Host:
        return self.hosts[node_id - 1]

    def _process(self, host: Host) -> Process:
        if host.name not in self._processes:
            raise PartError(f"{host.name} has no broker that was started.")
        return self._processes[host.name]
