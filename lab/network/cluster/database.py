"""PostgreSQL on several hosts, with failover by Patroni and etcd.

Every database of the cluster has one primary. With `synchronous`, a commit is answered when a second member has it on
its disk, and a primary without a second member answers none: so a failover loses nothing that was answered, and a
primary that others have replaced commits nothing. Without, a failover loses what the new primary has not received.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import psutil  # type: ignore[import-untyped]
from sqlalchemy.engine import URL

from lab.network.cluster.etcd import etcd_command, etcd_program
from lab.network.cluster.patroni import DatabasePorts, Passwords, configuration_text, patroni_command
from lab.network.parts.environment import forget_libpq_variables
from lab.network.parts.errors import PartError, PartNotReady
from lab.network.parts.postgres import (
    MAINTENANCE_DATABASE,
    SUPERUSER,
    allow_passing_through,
    binaries_folder,
    create_database,
    make_binaries_usable,
    system_user,
)
from lab.network.parts.process import wait_until
from pix.postgres.url import DRIVER, database_url
from pix.runtime.addresses import http_url, join_host_port
from pix.web.client import new_http_client

MEMBERS_MIN: Final = 2
MEMBERS_DEFAULT: Final = 3
"""With two, a synchronous cluster that has lost one commits nothing until it is back."""
ETCD_MEMBERS: Final = 3

START_SECONDS_MAX: Final = 180.0
STOP_SECONDS_MAX: Final = 30.0
FAILOVER_SECONDS_MAX: Final = 120.0
ANSWER_SECONDS_MAX: Final = 3.0
CONNECT_SECONDS_MAX: Final = 3
"""To one of the hosts: one that is gone must not use up the time for the others."""
POLL_SECONDS: Final = 0.2
OK: Final = 200
HEALTHY_STATES: Final = ("running", "streaming")
PASSWORD_BYTES: Final = 18
FOLDER_MODE: Final = 0o700


class Process(Protocol):
    """A program on a host."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None:
        """Ends it at once, with everything that it started."""

    def terminate(self) -> None:
        """Asks it to end, and does not wait."""

    def is_running(self) -> bool: ...


class Host(Protocol):
    """Where programs of the cluster run."""

    name: str
    address: str

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, user: str | None = None
    ) -> Process:
        """Starts a program, as this system user if one is named."""


class DatabaseCluster:
    """A primary and its standbys on the first hosts, and etcd on the first three."""

    def __init__(
        self,
        hosts: Sequence[Host],
        folder: Path,
        *,
        synchronous: bool = True,
        members: int = MEMBERS_DEFAULT,
        ports: DatabasePorts | None = None,
    ) -> None:
        """Data, configuration and logs go to `folder`. Raises `PartMissing`, and ValueError for too few hosts."""
        if len(hosts) < ETCD_MEMBERS or not MEMBERS_MIN <= members <= len(hosts):
            raise ValueError(
                f"a cluster needs {ETCD_MEMBERS} hosts or more, and {MEMBERS_MIN} to {len(hosts)} members on them"
            )
        self.synchronous = synchronous
        self.folder = folder.absolute()
        self._etcd_hosts = list(hosts[:ETCD_MEMBERS])
        self.members = list(hosts[:members])
        """The hosts that have PostgreSQL."""
        self._ports = ports or DatabasePorts()
        self._user = system_user() if os.geteuid() == 0 else None
        self._binaries = binaries_folder()
        self._etcd: dict[str, Process] = {}
        self._patroni: dict[str, Process] = {}
        self._passwords = Passwords(*(secrets.token_urlsafe(PASSWORD_BYTES) for _ in range(3)))
        self._client = new_http_client(timeout=ANSWER_SECONDS_MAX)
        etcd_program()
        patroni_command(Path())

    def start(self) -> None:
        """Starts everything over new data; returns when each member replicates. Raises `PartError`.

        The first host is the first primary. `stop` must be called also after an error.
        """
        forget_libpq_variables()
        self._prepare_folders()
        for host in self._etcd_hosts:
            self._start_etcd(host)
        self._wait(self._etcd_answers, START_SECONDS_MAX, "etcd to answer", self._etcd)
        first, *others = self.members
        self._start_patroni(first)
        self._wait(self._is_primary(first), START_SECONDS_MAX, f"PostgreSQL on {first.name}", self._patroni)
        for host in others:
            self._start_patroni(host)
        self._wait(self.is_whole, START_SECONDS_MAX, "every member to replicate", self._patroni)

    def stop(self) -> None:
        """Stops every member, the primary too, and then etcd. Does nothing to what does not run."""
        for running in (self._patroni, self._etcd):
            _end(running.values())
            running.clear()
        self._client.close()

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database; its connections go to the member that takes writes."""
        query = {
            "host": tuple(join_host_port(host.address, self._ports.postgres) for host in self.members),
            "target_session_attrs": "read-write",
            "connect_timeout": str(CONNECT_SECONDS_MAX),
        }
        url = URL.create(DRIVER, SUPERUSER, self._passwords.superuser, database=database, query=query)
        return url.render_as_string(hide_password=False)

    def url_of(self, host: Host, database: str) -> str:
        """The same for one member alone, whether or not it takes writes."""
        query = {"connect_timeout": str(CONNECT_SECONDS_MAX)}
        address, port = host.address, self._ports.postgres
        url = URL.create(DRIVER, SUPERUSER, self._passwords.superuser, address, port, database, query)
        return url.render_as_string(hide_password=False)

    def create_database(self, name: str) -> None:
        """Creates it unless it exists. Raises psycopg2.Error."""
        create_database(database_url(self.url(MAINTENANCE_DATABASE)), name)

    def primary(self) -> Host:
        """The member that holds the lease. Raises `PartNotReady` while there is none."""
        timelines = {host.name: self._timeline_of_primary(host) for host in self.members}
        found = [host for host in self.members if timelines[host.name]]
        if not found:
            raise PartNotReady("No member of the database cluster is its primary.")
        # One that was cut off may not have seen yet that it is replaced.
        return max(found, key=lambda host: timelines[host.name])

    def synchronous_standby(self) -> Host:
        """The member that has every commit which was answered. Raises `PartNotReady` while there is none."""
        names = {each["name"] for each in self.state() if each.get("role") == "sync_standby"}
        for host in self.members:
            if host.name in names:
                return host
        raise PartNotReady("The database cluster has no synchronous standby.")

    def wait_for_primary(self, *, other_than: Host | None = None, seconds_max: float = FAILOVER_SECONDS_MAX) -> Host:
        """The primary, when there is one. Raises `PartNotReady`."""

        def found() -> Host | None:
            host = self.primary()
            return None if host is other_than else host

        host = wait_until(found, seconds_max, "another primary", poll_seconds=POLL_SECONDS, retry_on=(PartNotReady,))
        assert host is not None
        return host

    def wait_until_whole(self, seconds_max: float = START_SECONDS_MAX) -> None:
        """Returns when every member replicates. Raises `PartNotReady`."""
        self._wait(self.is_whole, seconds_max, "every member to replicate", {})

    def is_whole(self) -> bool:
        """Whether there is a primary, every other member follows it, and one synchronously where that is asked for.

        The primary must say so itself: the list shows one that was cut off as it was, until its lease ends.
        """
        members = self.state()
        roles = [each.get("role") for each in members]
        leaders = {each.get("name") for each in members if each.get("role") == "leader"}
        return (
            len(members) == len(self.members)
            and all(each.get("state") in HEALTHY_STATES for each in members)
            and all(each.get("state") == "streaming" for each in members if each.get("role") != "leader")
            and roles.count("leader") == 1
            and any(self._timeline_of_primary(host) for host in self.members if host.name in leaders)
            and ("sync_standby" in roles) == self.synchronous
        )

    def state(self) -> list[dict[str, Any]]:
        """Patroni's list of members: `name`, `role`, `state`, `timeline`, `lag`; empty when no member answers."""
        for host in self.members:
            answer = self._get(host, self._ports.patroni, "/cluster")
            if answer is not None and answer.status_code == OK:
                members: list[dict[str, Any]] = answer.json().get("members", [])
                return members
        return []

    def is_running(self, host: Host) -> bool:
        """Whether Patroni of this host runs."""
        return host.name in self._patroni and self._patroni[host.name].is_running()

    def runs_etcd(self, host: Host) -> bool:
        return host.name in self._etcd and self._etcd[host.name].is_running()

    def kill(self, host: Host) -> None:
        """Kills PostgreSQL and Patroni of a member at once; its etcd stays."""
        self._patroni[host.name].kill()

    def start_member(self, host: Host) -> None:
        """Starts what does not run of a member and of its etcd; returns when PostgreSQL runs. Raises `PartError`."""
        if host in self._etcd_hosts and not self._etcd[host.name].is_running():
            self._start_etcd(host)
        if host in self.members and not self._patroni[host.name].is_running():
            self._start_patroni(host)
            self._wait(lambda: self._runs(host), START_SECONDS_MAX, f"PostgreSQL on {host.name} to run again", {})

    def freeze_supervision(self, host: Host) -> None:
        """Stops Patroni of a member and lets its PostgreSQL run: nothing tells the member that it is replaced."""
        self._signal_supervision(host, signal.SIGSTOP)

    def thaw_supervision(self, host: Host) -> None:
        self._signal_supervision(host, signal.SIGCONT)

    def hold_back_wal(self) -> None:
        """Freezes what sends WAL from the primary: no standby receives what it commits from now on.

        Until the primary is killed: what is frozen keeps each standby's replication slot from another connection.
        """
        for process in self._postgres_processes(self.primary()):
            with contextlib.suppress(psutil.NoSuchProcess):
                if any("walsender" in word for word in process.cmdline()):
                    process.suspend()

    def _signal_supervision(self, host: Host, number: signal.Signals) -> None:
        process = self._patroni[host.name]
        if not process.is_running():
            raise PartError(f"Patroni does not run on {host.name}.")
        os.kill(process.pid, number)

    def _postgres_processes(self, host: Host) -> list[psutil.Process]:
        lock = self._folder_of(host) / "data" / "postmaster.pid"
        try:
            return list(psutil.Process(int(lock.read_text().splitlines()[0])).children())
        except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            raise PartError(f"PostgreSQL does not run on {host.name}.") from None

    def _folder_of(self, host: Host) -> Path:
        return self.folder / host.name

    def _prepare_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for host in {host.name: host for host in (*self._etcd_hosts, *self.members)}.values():
            folder = self._folder_of(host)
            # What a former cluster has left belongs to other hosts and other passwords.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=FOLDER_MODE)
            if self._user is not None:
                shutil.chown(folder, self._user)
        if self._user is not None:
            allow_passing_through(self.folder)
            make_binaries_usable(self._binaries, self._user)
            for program in (Path(patroni_command(Path())[0]), Path(patroni_command(Path())[0]).resolve()):
                allow_passing_through(program.parent)

    def _start_etcd(self, host: Host) -> None:
        everyone = [(each.name, each.address) for each in self._etcd_hosts]
        data, ports = self._folder_of(host) / "etcd", self._ports
        command = etcd_command(host.name, host.address, everyone, ports.etcd_client, ports.etcd_peer, data)
        self._etcd[host.name] = self._run(host, "etcd", command)

    def _start_patroni(self, host: Host) -> None:
        folder = self._folder_of(host)
        file = folder / "patroni.json"
        addresses = [each.address for each in self._etcd_hosts]
        text = configuration_text(
            host.name,
            host.address,
            addresses,
            self._ports,
            self._passwords,
            folder,
            self._binaries,
            synchronous=self.synchronous,
        )
        file.touch(mode=0o600)
        file.write_text(text)
        if self._user is not None:
            shutil.chown(file, self._user)
        self._patroni[host.name] = self._run(host, "patroni", patroni_command(file))

    def _run(self, host: Host, name: str, command: Sequence[str]) -> Process:
        environment = {"LC_ALL": "C", "HOME": str(self._folder_of(host))}
        return host.start(name, command, env=environment, log=self._log_of(host.name, name), user=self._user)

    def _log_of(self, host_name: str, name: str) -> Path:
        return self.folder / f"{host_name}-{name}.log"

    def _wait(
        self, condition: Callable[[], object], seconds_max: float, what: str, needed: Mapping[str, Process]
    ) -> None:
        def met() -> bool:
            if condition():
                return True
            ended = [name for name, process in needed.items() if not process.is_running()]
            if ended:
                raise PartError(f"The database cluster lost {', '.join(ended)}: see the logs in {self.folder}.")
            return False

        wait_until(met, seconds_max, what, poll_seconds=POLL_SECONDS)

    def _etcd_answers(self) -> bool:
        for host in self._etcd_hosts:
            answer = self._get(host, self._ports.etcd_client, "/health")
            if answer is None or answer.status_code != OK:
                return False
        return True

    def _is_primary(self, host: Host) -> Callable[[], bool]:
        return lambda: self._timeline_of_primary(host) > 0

    def _timeline_of_primary(self, host: Host) -> int:
        """0 of a member that is not the primary, or does not answer."""
        answer = self._get(host, self._ports.patroni, "/primary")
        return int(answer.json().get("timeline") or 0) if answer is not None and answer.status_code == OK else 0

    def _runs(self, host: Host) -> bool:
        answer = self._get(host, self._ports.patroni, "/patroni")
        return answer is not None and answer.json().get("state") in HEALTHY_STATES

    def _get(self, host: Host, port: int, path: str) -> httpx.Response | None:
        try:
            answer = self._client.get(f"{http_url(host.address, port)}{path}")
            answer.json()
        except (httpx.HTTPError, json.JSONDecodeError):
            return None
        return answer


def _end(processes: Iterable[Process]) -> None:
    """Asks them to end, and kills those that do not."""
    running = [process for process in processes if process.is_running()]
    for process in running:
        # One that stands still would get the request when it goes on.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
        process.terminate()
    with contextlib.suppress(PartNotReady):
        wait_until(
            lambda: not any(process.is_running() for process in running),
            STOP_SECONDS_MAX,
            "the database cluster to end",
        )
    for process in running:
        process.kill()
