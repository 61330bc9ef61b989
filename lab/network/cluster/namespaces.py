"""Linux network namespaces for one cluster: a switch, and a host at each of its ports.

A cluster claims a number from 0 to 255 with a lock that the kernel gives back when the lab dies, however it dies. All
names and addresses of the cluster follow from the number, so what a dead lab has left behind is found and removed.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from lab.network.parts.environment import inherited
from lab.network.parts.errors import PartError, PartMissing

CLAIMS_FOLDER: Final = Path("/run/codepix-cluster")
NAMESPACES_FOLDER: Final = Path("/run/netns")
CLUSTERS_MAX: Final = 256
"""Clusters on one machine at the same time: each has a /24 of 10.77.0.0/16."""
HOSTS_MAX: Final = 40
FIRST_HOST_NUMBER: Final = 11
"""The last byte of the first host's address."""
LAB_NUMBER: Final = 1
"""The last byte of the lab's own address."""
COMMAND_DEADLINE_SECONDS: Final = 30.0
KILL_ROUNDS_MAX: Final = 20
DEAD_END_METRIC: Final = 4_000
SWITCH: Final = "switch"
BRIDGE: Final = "br0"
HOST_INTERFACE: Final = "eth0"
PROGRAMS: Final = {
    "ip": "iproute2",
    "iptables-restore": "iptables",
    "setpriv": "util-linux",
}
"""By program, the Debian package that has it."""


def check_machine(platform: str = sys.platform, user_id: int | None = None) -> None:
    """Raises `PartMissing`, in one sentence, where this machine cannot have hosts of network namespaces.

    `user_id` is this process's by default.
    """
    if not platform.startswith("linux"):
        raise PartMissing("A cluster needs Linux, whose network namespaces are its hosts; this is another system.")
    if (os.geteuid() if user_id is None else user_id) != 0:
        raise PartMissing("A cluster needs root, because its hosts are network namespaces: run it with sudo.")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        raise PartMissing(f"A cluster needs the packages {', '.join(missing)}: apt-get install {' '.join(missing)}.")


class NetworkClaim:
    """The number of a cluster, and the names and addresses that follow from it."""

    def __init__(self) -> None:
        """Claims the first free number, and removes what dead clusters have left. Raises `PartError`."""
        CLAIMS_FOLDER.mkdir(mode=0o755, exist_ok=True)
        remove_leftovers()
        for number in range(CLUSTERS_MAX):
            descriptor = _lock(number)
            if descriptor is not None:
                self.number, self._descriptor = number, descriptor
                remove_namespaces(number)
                # A client that outlives the hosts must not send to an address like theirs in a network beyond this
                # machine; the route, and with it the number, is given back when no client can be left.
                run_ip("route", "replace", *_dead_end(number))
                atexit.register(self._give_back)
                return
        raise PartError(f"{CLUSTERS_MAX} clusters run on this machine, which is the most.")

    @property
    def lab_interface(self) -> str:
        return _lab_interface(self.number)

    @property
    def lab_address(self) -> str:
        return self.address(LAB_NUMBER)

    def address(self, number: int) -> str:
        return f"10.77.{self.number}.{number}"

    def namespace(self, name: str) -> str:
        return f"{_prefix(self.number)}{name}"

    def build(self, names: Sequence[str]) -> None:
        """Makes the switch, the lab's port, and one host for each name. Raises `PartError`, `PartMissing`."""
        switch = self.namespace(SWITCH)
        try:
            run_ip("netns", "add", switch)
        except PartError as error:
            raise PartMissing(f"This machine allows no network namespaces, which a cluster needs: {error}") from None
        # In a separate namespace the bridge is out of reach of the machine's firewall.
        run_ip("-n", switch, "link", "add", BRIDGE, "type", "bridge")
        run_ip("-n", switch, "link", "set", BRIDGE, "up")
        self._plug("lab", None, self.lab_interface, self.lab_address)
        for number, name in enumerate(names, FIRST_HOST_NUMBER):
            namespace = self.namespace(name)
            run_ip("netns", "add", namespace)
            run_ip("-n", namespace, "link", "set", "lo", "up")
            self._plug(name, namespace, HOST_INTERFACE, self.address(number))

    def _plug(self, port: str, namespace: str | None, interface: str, address: str) -> None:
        switch = self.namespace(SWITCH)
        where = () if namespace is None else ("-n", namespace)
        # Made inside of the switch, so that the kernel removes it with the switch.
        peer = ("peer", "name", interface, "netns", str(os.getpid()) if namespace is None else namespace)
        run_ip("-n", switch, "link", "add", f"port-{port}", "type", "veth", *peer)
        run_ip("-n", switch, "link", "set", f"port-{port}", "master", BRIDGE, "up")
        run_ip(*where, "address", "add", f"{address}/24", "dev", interface)
        run_ip(*where, "link", "set", interface, "up")

    def release(self) -> None:
        """Removes the namespaces and kills what still runs in them. The number is given back when the lab ends."""
        remove_namespaces(self.number)

    def _give_back(self) -> None:
        with contextlib.suppress(PartError):
            run_ip("route", "delete", *_dead_end(self.number))
        os.close(self._descriptor)


def remove_leftovers() -> None:
    """Removes the namespaces and the route of clusters whose lab is dead."""
    for claim in sorted(CLAIMS_FOLDER.glob("*.lock")):
        number = int(claim.stem)
        descriptor = _lock(number)
        if descriptor is None:
            continue
        remove_namespaces(number)
        with contextlib.suppress(PartError):
            run_ip("route", "delete", *_dead_end(number))
        os.close(descriptor)


def remove_namespaces(number: int) -> None:
    """Kills the processes in the namespaces of a cluster, and removes the namespaces."""
    for namespace in sorted(path.name for path in NAMESPACES_FOLDER.glob(f"{_prefix(number)}*")):
        _kill_processes_in(namespace)
        run_ip("netns", "delete", namespace)
    # The kernel takes a deleted namespace apart later, and until then the lab's end of its cable keeps the name. There
    # is none where the kernel was quicker, or nothing was left.
    with contextlib.suppress(PartError):
        run_ip("link", "delete", _lab_interface(number))


def processes_in(namespace: str) -> list[int]:
    """The ids of the processes in a namespace."""
    return [int(line) for line in run_ip("netns", "pids", namespace).split()]


def run_in(namespace: str, command: Sequence[str], stdin: str = "") -> str:
    """Runs a short command in a namespace and returns its output. Raises `PartError` with what it complained of."""
    return run_command(["ip", "netns", "exec", namespace, *command], stdin)


def run_ip(*arguments: str) -> str:
    return run_command(["ip", *arguments])


def run_command(command: Sequence[str], stdin: str = "") -> str:
    try:
        finished = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            env=inherited(),
            timeout=COMMAND_DEADLINE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PartError(f"{' '.join(command)}: {error}") from None
    if finished.returncode != 0:
        complaint: Iterable[str] = finished.stderr.strip().splitlines()[-1:]
        raise PartError(f"{' '.join(command)}: {' '.join(complaint) or f'exit code {finished.returncode}'}")
    return finished.stdout


def _kill_processes_in(namespace: str) -> None:
    for _ in range(KILL_ROUNDS_MAX):
        pids = processes_in(namespace)
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _prefix(number: int) -> str:
    return f"cpx{number}-"


def _lab_interface(number: int) -> str:
    return f"cpx{number}lab"


def _dead_end(number: int) -> list[str]:
    """A route that comes after the one of the lab's port, and refuses."""
    return ["unreachable", f"10.77.{number}.0/24", "metric", str(DEAD_END_METRIC)]


def _lock(number: int) -> int | None:
    """A descriptor that holds the number's lock, or None when another process holds it."""
    descriptor = os.open(CLAIMS_FOLDER / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
