"""The wheel, installed as a tool: a network starts and pays from an empty folder, without checkout, make or git."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, payment
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, HubRest, new_client
from tests.e2e.conftest import END_SECONDS_MAX, Background, all_gone
from tests.support.installed import CONSTRAINTS, run
from tests.unit.house.repository import project

READY: Final = "Ctrl-C stops everything"
VERSION: Final = project()["project"]["version"]


@pytest.fixture
def started() -> Iterator[list[Background]]:
    """Takes what a test starts, and kills what is left of it."""
    backgrounds: list[Background] = []
    yield backgrounds
    for background in backgrounds:
        background.process.kill()
        background.process.wait(END_SECONDS_MAX)


def use_from_an_empty_folder(codepix: Path, user: Mapping[str, str], started: list[Background], folder: Path) -> None:
    """Asks for the version, starts a demo, pays in it, looks at its pages, audits it, and stops it."""
    empty = folder / "empty"
    empty.mkdir()
    assert run([codepix, "--version"], user, empty) == f"codepix {VERSION}\n"

    options = ("--hub-port", "--hub-grpc-port", "--bank-001-port", "--bank-002-port", "--lab-port")
    ports = {option: str(free_port()) for option in options}
    arguments = ["demo", "--banks", "2", *(text for pair in ports.items() for text in pair)]
    demo = Background.of_program(folder / "demo.log", [str(codepix), *arguments], user, empty)
    started.append(demo)
    demo.await_output(READY)
    hub = f"http://127.0.0.1:{ports['--hub-port']}"
    with new_client() as client:
        assert [bank["name"] for bank in HubRest(hub, client).banks()] == ["Banco Aurora", "Banco Ipê"]
        banks = {
            code: BankRest(code, f"http://127.0.0.1:{ports[f'--bank-{code}-port']}", client) for code in ("001", "002")
        }
        population = Population.of(banks)
        sent = payment(population.rich("001"), population.rich("002"), 12_34, "from a tool")
        PaymentDriver(banks).send(sent)
        page = client.get(f"{hub}/", headers={"Accept-Language": "pt-BR"})
        assert page.is_success and "Fila de erros" in page.text
        (style,) = re.findall(r'href="(/static/[^"]*foundation[^"]*\.css[^"]*)"', page.text)
        assert client.get(f"{hub}{style}").is_success
    assert "holds" in run([codepix, "audit", "--hub", hub], user, empty)

    family = demo.family()
    assert demo.end(signal.SIGINT) == 0, demo.output()
    wait_until(lambda: all_gone(family), END_SECONDS_MAX, "every process of the demo to be gone")
    assert list(empty.iterdir()) == []


@pytest.mark.prove
@pytest.mark.parametrize("installer", ["pipx", "uv"])
def test_pipx_and_uv_install_a_tool_that_works(
    installer: str, wheel: Path, installers: Path, user: dict[str, str], started: list[Background], machine: Path
) -> None:
    scripts = machine / "scripts"
    commands = {
        "pipx": [str(installers / "pipx"), "install", f"--pip-args=--constraint {CONSTRAINTS}"],
        "uv": [str(installers / "uv"), "tool", "install", "--constraints", str(CONSTRAINTS)],
    }
    environment = {
        **os.environ,
        **user,
        "PATH": f"{installers}{os.pathsep}{user['PATH']}",
        "PIPX_HOME": str(machine / "pipx"),
        "PIPX_BIN_DIR": str(scripts),
        "UV_TOOL_DIR": str(machine / "uv"),
        "UV_TOOL_BIN_DIR": str(scripts),
    }
    python = ["--python", f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"]
    run([*commands[installer], *python, str(wheel)], environment, machine)

    use_from_an_empty_folder(scripts / "codepix", user, started, machine)
