"""Hosts of network namespaces: what a link does to packets, what is cut, who is frozen, and that nothing stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.network.cluster.hosts import Host, HostNetwork
from lab.network.cluster.links import Link
from lab.network.cluster.namespaces import NAMESPACES_FOLDER
from lab.network.parts.errors import PartError
from lab.network.parts.process import wait_until

# `.ci/run` runs them where the kernel has what hosts need; no container of a common runner has.
pytestmark = [pytest.mark.prove, pytest.mark.hosts]

PORT = 7_000
ECHO = f"""
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", {PORT}), Echo).serve_forever()
"""
ASK = f"""
import socket, sys, time
started = time.perf_counter()
with socket.create_connection((sys.argv[1], {PORT}), timeout=float(sys.argv[2])) as connection:
    connected = time.perf_counter()
    connection.sendall(b"x" * int(sys.argv[3]))
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass
print(connected - started, time.perf_counter() - connected)
"""
HOLD = """
import sys, time
from pathlib import Path
from lab.network.cluster.hosts import HostNetwork
with HostNetwork(2, Path(sys.argv[1])) as network:
    network.hosts[0].start("sleep", ["sleep", "600"], env={}, log=Path(sys.argv[1]) / "sleep.log")
    print(network.hosts[0].namespace, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostNetwork]:
    folder = tmp_path_factory.mktemp("hosts")
    with HostNetwork(3, folder) as network:
        for host in network.hosts:
            host.start("echo", [sys.executable, "-c", ECHO], env={}, log=folder / f"{host.name}.log")
        yield network


@pytest.fixture
def hosts(network: HostNetwork) -> Iterator[list[Host]]:
    for host in network.hosts:
        wait_until(lambda host=host: reaches(host, host), 60, f"the echo on {host.name}")  # type: ignore[misc]
    yield network.hosts
    network.calm()
    network.set_all_links(Link())


def ask(host: Host, other: Host, *, size: int = 1, seconds_max: float = 60) -> tuple[float, float]:
    """How many seconds a connection took, and how many the echo of so many bytes. Raises PartError."""
    answer = host.run([sys.executable, "-c", ASK, other.address, str(seconds_max), str(size)])
    connecting, echoing = answer.split()
    return float(connecting), float(echoing)


def reaches(host: Host, other: Host, seconds_max: float = 1) -> bool:
    try:
        ask(host, other, seconds_max=seconds_max)
    except PartError:
        return False
    return True


def test_a_link_delays_packets_in_its_direction(network: HostNetwork, hosts: list[Host]) -> None:
    first, second, third = hosts
    network.set_link(first, second, Link(delay_ms=300))
    assert ask(first, second)[0] >= 0.6
    network.set_link(first, second, Link(), one_way=True)
    assert ask(first, second)[0] >= 0.3
    assert network.link(first, third).is_clean and network.link(second, first).delay_ms == 300


def test_a_link_carries_no_more_than_its_bandwidth(network: HostNetwork, hosts: list[Host]) -> None:
    first, second, _ = hosts
    network.set_link(first, second, Link(bandwidth_mbit=1))
    # 125,000 bytes are one megabit.
    assert ask(first, second, size=125_000)[1] >= 0.8


def test_a_lossy_link_loses_packets_and_tcp_sends_them_again(network: HostNetwork, hosts: list[Host]) -> None:
    first, second, third = hosts
    network.set_link(first, second, Link(loss_percent=100), one_way=True)
    assert not reaches(first, second)
    assert reaches(first, third, 60)
    network.set_link(first, second, Link(loss_percent=10))
    assert ask(first, second, size=100_000)


def test_hosts_that_are_cut_off_from_each_other_reach_others(network: HostNetwork, hosts: list[Host]) -> None:
    first, second, third = hosts
    network.cut(first, second)
    assert not reaches(first, second) and not reaches(second, first)
    assert reaches(first, third, 60) and reaches(third, second, 60)
    network.heal(first, second)
    assert reaches(first, second, 60)


def test_a_cut_in_one_direction_alone_breaks_connections(network: HostNetwork, hosts: list[Host]) -> None:
    first, second, _ = hosts
    network.cut(second, first, one_way=True)
    # The answers are lost, the requests are not.
    assert not reaches(first, second)
    network.isolate(second)
    network.heal()
    assert reaches(first, second, 60)


def test_a_frozen_host_answers_again_once_it_is_thawed(network: HostNetwork, hosts: list[Host]) -> None:
    first, second, _ = hosts
    network.freeze(second)
    assert not reaches(first, second)
    network.thaw(second)
    assert reaches(first, second, 60)


def test_programs_run_as_the_user_that_was_asked_for(network: HostNetwork, hosts: list[Host], tmp_path: Path) -> None:
    process = hosts[0].start("id", ["id", "-un"], env={}, log=tmp_path / "id.log", user="nobody")
    wait_until(lambda: not process.is_running(), 60, "the program to end")
    assert process.log_text().strip() == "nobody"
    with pytest.raises(PartError, match="This machine has no user unheard-of"):
        hosts[0].start("id", ["id"], env={}, log=tmp_path / "id.log", user="unheard-of")
    assert network.hosts == hosts


def test_the_next_cluster_removes_what_a_killed_lab_has_left(tmp_path: Path) -> None:
    lab = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert lab.stdout is not None
    with lab.stdout as said:
        namespace = said.readline().strip()
    assert (NAMESPACES_FOLDER / namespace).exists()
    lab.send_signal(signal.SIGKILL)
    lab.wait()
    with HostNetwork(1, tmp_path) as network:
        assert network.hosts[0].pids() == []
        left = [path for path in NAMESPACES_FOLDER.glob("*") if path.name.startswith(namespace.removesuffix("h1"))]
        # Its number may be the new cluster's.
        assert {path.name for path in left} <= {network.hosts[0].namespace, namespace.replace("h1", "switch")}
        assert not (NAMESPACES_FOLDER / namespace.replace("h1", "h2")).exists()
