"""Hosts of a cluster on one machine: each is a network namespace with an address; links and hosts can be broken."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Final, Self

import psutil  # type: ignore[import-untyped]

from lab.network.cluster.links import Link, LinkShaper
from lab.network.cluster.namespaces import (
    FIRST_HOST_NUMBER,
    HOSTS_MAX,
    NetworkClaim,
    check_machine,
    processes_in,
    run_in,
)
from lab.network.parts.errors import PartError
from lab.network.parts.process import STOP_GRACE_SECONDS_DEFAULT, Child, wait_until

FREEZE_ROUNDS_MAX: Final = 20
FREEZE_DEADLINE_SECONDS: Final = 10.0
SEED_DEFAULT: Final = 1


class Process(Child):
    """A program on a host, in a separate process group; it dies with the lab."""

    start = Child._start_command
    terminate = Child.request_stop
    """Asks it to end, and does not wait; `stop` waits, and kills it after its grace."""


class Host:
    """A machine of the cluster: programs on it share a network stack, and nothing but it."""

    def __init__(self, name: str, address: str, namespace: str) -> None:
        self.name = name
        self.address = address
        """IPv4, in the cluster's network."""
        self.namespace = namespace
        self.processes: list[Child] = []
        """What runs here, in the order of its start; with services that have ended, and may be started again."""

    def __repr__(self) -> str:
        return f"Host({self.name}, {self.address})"

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        user: str | None = None,
        working_folder: Path | None = None,
        stop_grace_seconds: float = STOP_GRACE_SECONDS_DEFAULT,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Process:
        """Starts a program on this host, with `env` beside what every child of the lab inherits.

        Its output is appended to `log`. Returns when the process exists, which says nothing about its readiness.
        Raises `PartError`.
        """
        self._forget_ended()
        process = Process(f"{name} on {self.name}", stop_grace_seconds, stop_signal=stop_signal)
        process.start(self.command(command, user), env, log, working_folder=working_folder)
        self.processes.append(process)
        return process

    def command(self, command: Sequence[str], user: str | None = None) -> list[str]:
        """The command that runs this command on this host, for a child that the caller starts."""
        as_user = [] if user is None else ["setpriv", "--reuid", user, "--regid", _group_of(user), "--clear-groups"]
        return ["ip", "netns", "exec", self.namespace, *as_user, *command]

    def run(self, command: Sequence[str]) -> str:
        """Runs a short program on this host, and returns its output. Raises `PartError`."""
        return run_in(self.namespace, command)

    def pids(self) -> list[int]:
        """Of all processes on this host."""
        return processes_in(self.namespace)

    def adopt(self, child: Child) -> None:
        """Counts a service as one of this host's, which the caller starts by `command`."""
        self.processes.append(child)

    def stop(self) -> None:
        """Stops its programs, the latest first."""
        for process in self.processes:
            process.request_stop()
        for process in reversed(self.processes):
            process.stop()

    def kill(self) -> None:
        """Kills all of its programs, as a loss of power does; what they have on disk stays."""
        # A copy: another thread may be starting one.
        for process in list(self.processes):
            process.kill()

    def _forget_ended(self) -> None:
        """Services stay: they may be started again."""
        for process in [each for each in self.processes if isinstance(each, Process) and not each.is_running()]:
            # Closes what the lab holds of it.
            process.kill()
            self.processes.remove(process)

    def suspend_processes(self) -> None:
        """Sends SIGSTOP to every process, and returns when all of them stand still."""
        seen: set[int] = set()
        for _ in range(FREEZE_ROUNDS_MAX):
            new = [pid for pid in self.pids() if pid not in seen]
            if not new:
                break
            seen.update(new)
            _signal_all(new, signal.SIGSTOP)
        wait_until(
            lambda: all(_stands_still(pid) for pid in seen), FREEZE_DEADLINE_SECONDS, f"{self.name} to stand still"
        )

    def resume_processes(self) -> None:
        _signal_all(self.pids(), signal.SIGCONT)


class HostNetwork:
    """Hosts at one switch, and the lab at a port of it; entering its block builds it, leaving it removes it.

    What a link does to packets, and what is cut, is between hosts; the lab reaches every host at any time.
    """

    def __init__(self, count: int, folder: Path, *, link: Link | None = None, seed: int = SEED_DEFAULT) -> None:
        """`link` is each direction between two hosts; `seed` chooses the packets that are lost, and the jitter.

        Raises `PartMissing` where this machine cannot have such hosts.
        """
        if not 1 <= count <= HOSTS_MAX:
            raise ValueError(f"a cluster has 1 to {HOSTS_MAX} hosts")
        check_machine()
        self._folder = folder
        self._seed = seed
        self._count = count
        self._link = link or Link()
        self._claim: NetworkClaim | None = None
        self._shaper: LinkShaper | None = None
        self._links: dict[tuple[int, int], Link] = {}
        self._cuts: set[tuple[int, int]] = set()
        self._frozen: set[int] = set()
        self._written: dict[str, str] = {}
        """By host, the rules that the kernel has: most changes concern two hosts."""
        self.hosts: list[Host] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def lab_address(self) -> str:
        """Where hosts reach the lab's own process."""
        if self._claim is None:
            raise PartError("The cluster's network has no address before it is started.")
        return self._claim.lab_address

    def start(self) -> None:
        """Builds the hosts. Raises `PartError`, `PartMissing`; `stop` must still be called."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._claim = claim = NetworkClaim()
        names = [f"h{number}" for number in range(1, self._count + 1)]
        claim.build(names)
        self.hosts = [
            Host(name, claim.address(number), claim.namespace(name))
            for number, name in enumerate(names, FIRST_HOST_NUMBER)
        ]
        self._written.clear()
        self.set_all_links(self._link)

    def stop(self) -> None:
        """Stops the programs on all hosts, and removes the hosts. Does nothing the second time."""
        try:
            for host in self.hosts:
                host.resume_processes()
                for process in host.processes:
                    process.request_stop()
            for host in self.hosts:
                host.stop()
        finally:
            claim, self._claim, self.hosts = self._claim, None, []
            if self._shaper is not None:
                self._shaper.kill()
                self._shaper = None
            if claim is not None:
                claim.release()

    def host(self, name: str) -> Host:
        """The host with this name. Raises KeyError."""
        return {host.name: host for host in self.hosts}[name]

    def set_link(self, sender: Host, receiver: Host, link: Link, *, one_way: bool = False) -> None:
        """What packets from one host to another meet; also in the other direction unless `one_way`."""
        for pair in self._pairs(sender, receiver, one_way):
            self._links[pair] = link
        self._apply_links()

    def set_all_links(self, link: Link) -> None:
        """What packets between any two hosts meet."""
        self._links = dict.fromkeys(permutations(range(len(self.hosts)), 2), link)
        self._apply_links()

    def link(self, sender: Host, receiver: Host) -> Link:
        return self._links[next(self._pairs(sender, receiver, one_way=True))]

    def odd_links(self) -> list[tuple[Host, Host, Link, bool]]:
        """Sender, receiver, link, and whether it is cut, for each direction that is cut or not as at the start."""
        # A copy: another thread may be changing them.
        cuts = set(self._cuts)
        return [
            (self.hosts[sender], self.hosts[receiver], link, (sender, receiver) in cuts)
            for (sender, receiver), link in sorted(dict(self._links).items(), key=lambda each: each[0])
            if link != self._link or (sender, receiver) in cuts
        ]

    def is_frozen(self, host: Host) -> bool:
        return self.hosts.index(host) in self._frozen

    def cut(self, sender: Host, receiver: Host, *, one_way: bool = False) -> None:
        """No packet passes from now on, in both directions unless `one_way`; no connection is closed by it."""
        self._cuts.update(self._pairs(sender, receiver, one_way))
        self._write_rules()

    def isolate(self, host: Host) -> None:
        """Cuts a host off from all others."""
        for other in self.hosts:
            if other is not host:
                self._cuts.update(self._pairs(host, other, one_way=False))
        self._write_rules()

    def heal(self, sender: Host | None = None, receiver: Host | None = None) -> None:
        """Mends what was cut: between two hosts, around one, or everywhere. Links stay as they were set."""
        mended = {self.hosts.index(host) for host in (sender, receiver) if host is not None}
        self._cuts = {pair for pair in self._cuts if not mended <= set(pair)}
        self._write_rules()

    def freeze(self, host: Host) -> None:
        """Stops every process of a host and its network, the lab's port included, as a paused virtual machine."""
        host.suspend_processes()
        self._frozen.add(self.hosts.index(host))
        self._write_rules()

    def thaw(self, host: Host) -> None:
        """Lets a frozen host go on. Does nothing to one that is not frozen."""
        self._frozen.discard(self.hosts.index(host))
        self._write_rules()
        host.resume_processes()

    def calm(self) -> None:
        """Heals every cut and thaws every host. Does nothing before the start."""
        if self._cuts or self._frozen:
            self._cuts.clear()
            self._frozen.clear()
            self._write_rules()
        for host in self.hosts:
            host.resume_processes()

    def _pairs(self, sender: Host, receiver: Host, one_way: bool) -> Iterator[tuple[int, int]]:
        a, b = self.hosts.index(sender), self.hosts.index(receiver)
        if a == b:
            raise ValueError(f"{sender.name} has no link to itself")
        yield a, b
        if not one_way:
            yield b, a

    def _apply_links(self) -> None:
        bad = {pair: link for pair, link in self._links.items() if not link.is_clean}
        if self._shaper is None and bad:
            self._shaper = LinkShaper(self._folder, [host.namespace for host in self.hosts], self._seed)
            self._shaper.start()
        if self._shaper is not None:
            # The shaper knows a link before the kernel hands it the packets.
            try:
                self._shaper.apply(bad)
            except OSError as error:
                raise PartError(f"The link shaper does not answer: {error}.") from None
        self._write_rules()

    def _write_rules(self) -> None:
        for index, host in enumerate(self.hosts):
            rules = self._rules(index)
            if rules != self._written.get(host.name):
                run_in(host.namespace, ["iptables-restore", "--wait"], rules)
                self._written[host.name] = rules

    def _rules(self, own: int) -> str:
        """The whole rule set of a host, which replaces the one before in one step for each table."""
        queued = [
            f"-A POSTROUTING -d {self.hosts[receiver].address} -j NFQUEUE --queue-num {receiver}"
            for (sender, receiver), link in self._links.items()
            if sender == own and not link.is_clean
        ]
        # At the receiver, so that the sender's kernel reports no error to its programs.
        dropped = [f"-A INPUT -s {self.hosts[a].address} -j DROP" for a, b in sorted(self._cuts) if b == own]
        if own in self._frozen:
            dropped = ["-A INPUT ! -i lo -j DROP", "-A OUTPUT ! -o lo -j DROP"]
        return "\n".join(
            (
                "*mangle",
                ":POSTROUTING ACCEPT [0:0]",
                *queued,
                "COMMIT",
                "*filter",
                ":INPUT ACCEPT [0:0]",
                ":OUTPUT ACCEPT [0:0]",
                *dropped,
                "COMMIT",
                "",
            )
        )


def _group_of(user: str) -> str:
    try:
        return str(pwd.getpwnam(user).pw_gid)
    except KeyError:
        raise PartError(f"This machine has no user {user}.") from None


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _stands_still(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
