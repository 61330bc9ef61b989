"""`codepix demo`: starts, says where to look, ends without a trace, and finds its data again."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from lab.parts.ports import free_port
from lab.parts.process import wait_until
from lab.people import DEMO_PIN, Population
from lab.rest import BankRest
from tests.e2e.conftest import Background, all_gone, run_codepix

READY = "Ctrl-C stops everything"
GONE_SECONDS_MAX = 10.0


def demo_arguments(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Options that give every service a free port."""
    options = ("--hub-port", "--hub-grpc-port", "--bank-001-port", "--bank-002-port", "--bank-003-port")
    ports = {option: free_port() for option in options}
    chosen = [text for option, port in ports.items() for text in (option, str(port))]
    return ["demo", "--folder", str(folder), *chosen], ports


def is_bank(process: psutil.Process, code: str) -> bool:
    """Whether it is the bank itself, and not the tether above it, which has the same environment."""
    command = process.cmdline()
    return process.environ().get("BANK_CODE") == code and "serve" in command and "--" not in command


def balance_of_rich(client: httpx.Client, port: int) -> int:
    bank = BankRest("Bank 001", f"http://127.0.0.1:{port}", client)
    return Population.of({"001": bank}).rich("001").balance_centavos


def test_the_demo_ends_cleanly_and_finds_its_data_again(
    tmp_path: Path, client: httpx.Client, start_codepix: Callable[..., Background]
) -> None:
    arguments, ports = demo_arguments(tmp_path / "data")
    first = start_codepix(*arguments)
    first.await_output(READY)
    output = first.output()
    for option in ("--hub-port", "--bank-001-port", "--bank-002-port", "--bank-003-port"):
        assert f"http://127.0.0.1:{ports[option]}" in output
    assert f"PIN is {DEMO_PIN}" in output
    assert "ana@aurora.example" in output
    bank = BankRest("Bank 001", f"http://127.0.0.1:{ports['--bank-001-port']}", client)
    payer = Population.of({"001": bank}).rich("001")
    bank.pay(payer.account_number, "EMAIL", "fernanda@ipe.example", 1_00, "", "demo-1")
    family = first.family()
    assert len(family) >= 6
    assert first.end(signal.SIGINT) == 0, first.output()
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "every process of the demo to be gone")
    assert "Stopped" in first.output()

    second = start_codepix(*arguments)
    second.await_output(READY)
    assert balance_of_rich(client, ports["--bank-001-port"]) == payer.balance_centavos - 1_00
    family = second.family()
    assert second.end(signal.SIGTERM) == 0, second.output()
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "every process of the demo to be gone")

    fresh = start_codepix(*arguments, "--fresh")
    fresh.await_output(READY)
    assert balance_of_rich(client, ports["--bank-001-port"]) == payer.balance_centavos
    assert fresh.end(signal.SIGINT) == 0


def test_the_demo_starts_a_killed_bank_again(
    tmp_path: Path, client: httpx.Client, start_codepix: Callable[..., Background]
) -> None:
    arguments, ports = demo_arguments(tmp_path / "data")
    demo = start_codepix(*arguments)
    demo.await_output(READY)
    bank = next(process for process in demo.family() if is_bank(process, "002"))
    bank.kill()
    demo.await_output("bank-002 is back")
    assert client.get(f"http://127.0.0.1:{ports['--bank-002-port']}/health/ready").is_success
    assert demo.end(signal.SIGINT) == 0


def test_a_port_in_use_gets_a_clear_sentence(tmp_path: Path) -> None:
    arguments, ports = demo_arguments(tmp_path / "data")
    with socket.create_server(("127.0.0.1", ports["--bank-002-port"])):
        finished = run_codepix(*arguments)
    assert finished.returncode == 2
    assert finished.stderr.strip() == (
        f"Port {ports['--bank-002-port']}, wanted for Banco Ipê (002), is in use by another program. "
        "Choose another with --bank-002-port."
    )


def test_fresh_removes_no_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    arguments, _ = demo_arguments(tmp_path)
    finished = run_codepix(*arguments, "--fresh")
    assert finished.returncode == 1
    assert "is not a folder of CodePix" in finished.stderr
    assert (tmp_path / "thesis.txt").exists()
