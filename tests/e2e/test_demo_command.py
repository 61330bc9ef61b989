"""`codepix demo`: starts, says where to look, ends without a trace, and finds its data again."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from lab.drive.customers import DEMO_PIN, Population
from lab.drive.payments import PaymentDriver, payment
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, HubRest, new_client
from pix.web.client import new_http_client
from tests.e2e.conftest import Background, all_gone, ask_codepix

READY = "Ctrl-C stops everything"
GONE_SECONDS_MAX = 10.0
STOP_SECONDS_MAX = 25.0
"""Less than what a service may take that does not listen; a network that does takes two or three on an idle machine."""


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """Asks the demo's parts, which are open to everybody on this machine."""
    with new_client() as made:
        yield made


def demo_arguments(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Options that give every service a free port."""
    options = ("--hub-port", "--hub-grpc-port", "--bank-001-port", "--bank-002-port", "--bank-003-port", "--lab-port")
    ports = {option: free_port() for option in options}
    chosen = [text for option, port in ports.items() for text in (option, str(port))]
    return ["demo", "--folder", str(folder), *chosen], ports


def is_bank(process: psutil.Process, code: str) -> bool:
    """Whether it is the bank itself, and not the watchdog above it, which has the same environment."""
    command = process.cmdline()
    return process.environ().get("BANK_CODE") == code and "serve" in command and "--" not in command


@contextmanager
def watching_panel(output: str, port: int) -> Iterator[str]:
    """A browser with the lab's panel open, by the address that the demo has printed; yields the page."""
    found = re.search(rf"http://127\.0\.0\.1:{port}/\?token=\S+", output)
    assert found is not None, output
    with new_http_client(follow_redirects=True) as browser:
        page = browser.get(found[0])
        assert page.status_code == 200 and "Banco Aurora" in page.text
        with browser.stream("GET", f"http://127.0.0.1:{port}/live") as live:
            assert ": open" in next(live.iter_lines())
            yield page.text


def balance_of_rich(client: httpx.Client, port: int) -> int:
    bank = BankRest("Bank 001", f"http://127.0.0.1:{port}", client)
    return Population.of({"001": bank}).rich("001").balance_centavos


@pytest.mark.slow
def test_the_demo_starts_a_killed_bank_ends_cleanly_and_finds_its_data_again(
    tmp_path: Path, client: httpx.Client, start_codepix: Callable[..., Background]
) -> None:
    arguments, ports = demo_arguments(tmp_path / "data")
    # As from `nohup make demo &`, whose SIGINT is ignored until the demo says otherwise.
    first = start_codepix(*arguments, "--banks", "2", ignoring_sigint=True)
    first.await_output(READY)
    output = first.output()
    for option in ("--hub-port", "--bank-001-port", "--bank-002-port"):
        assert f"http://127.0.0.1:{ports[option]}" in output
    assert f"PIN of each: {DEMO_PIN}" in output
    assert "ana@aurora.example" in output
    hub = HubRest(f"http://127.0.0.1:{ports['--hub-port']}", client)
    assert [bank["code"] for bank in hub.banks()] == ["001", "002"]
    bank = BankRest("Bank 001", f"http://127.0.0.1:{ports['--bank-001-port']}", client)
    payer = Population.of({"001": bank}).rich("001")
    bank.pay(payer.account_number, "EMAIL", "fernanda@ipe.example", 1_00, "", "demo-1")
    bank_002 = next(process for process in first.family() if is_bank(process, "002"))
    bank_002.kill()
    first.await_output("bank-002 is back")
    assert client.get(f"http://127.0.0.1:{ports['--bank-002-port']}/health/ready").is_success
    family = first.family()
    assert len(family) >= 5
    with watching_panel(output, ports["--lab-port"]) as panel:
        assert all(f'data-part="bank-{code}"' in panel for code in ("001", "002"))
        assert 'data-part="bank-003"' not in panel
        asked = time.monotonic()
        assert first.end(signal.SIGINT) == 0, first.output()
        assert time.monotonic() - asked < STOP_SECONDS_MAX, "an open page keeps the lab from stopping"
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "every process of the demo to be gone")
    assert "Stopped" in first.output()

    second = start_codepix(*arguments, "--banks", "2")
    second.await_output(READY)
    assert balance_of_rich(client, ports["--bank-001-port"]) == payer.balance_centavos - 1_00
    family = second.family()
    assert second.end(signal.SIGTERM) == 0, second.output()
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "every process of the demo to be gone")


@pytest.mark.prove
def test_the_demo_starts_more_banks_and_begins_afresh(
    tmp_path: Path, client: httpx.Client, start_codepix: Callable[..., Background]
) -> None:
    count = 5
    arguments, ports = demo_arguments(tmp_path / "data")
    demo = start_codepix(*arguments, "--banks", str(count))
    demo.await_output(READY)
    hub = f"http://127.0.0.1:{ports['--hub-port']}"
    found = {bank["code"]: bank for bank in HubRest(hub, client).banks()}
    assert list(found) == [f"{number:03d}" for number in range(1, count + 1)]
    assert len({bank["name"] for bank in found.values()}) == len({bank["color"] for bank in found.values()}) == count
    last = f"{count:03d}"
    banks = {code: BankRest(code, found[code]["url"], client) for code in ("001", last)}
    population = Population.of(banks)
    payer = population.rich("001")
    PaymentDriver(banks).send(payment(payer, population.rich(last), 1_00, "to the last bank"))
    for path in ("/", "/map"):
        page = client.get(f"{hub}{path}")
        assert page.is_success and all(bank["name"] in page.text for bank in found.values()), path
    with watching_panel(demo.output(), ports["--lab-port"]) as panel:
        assert all(f'data-part="bank-{code}"' in panel for code in found)
    audit = ask_codepix("audit", "--hub", hub)
    assert audit.returncode == 0, audit.stdout
    assert demo.end(signal.SIGINT) == 0

    fewer = ask_codepix(*arguments, "--banks", "2")
    assert fewer.returncode == 2
    assert "Start at least 5 banks" in fewer.stderr

    fresh = start_codepix(*arguments, "--banks", "2", "--fresh")
    fresh.await_output(READY)
    assert balance_of_rich(client, ports["--bank-001-port"]) == payer.balance_centavos
    # The same from the panel, whose browser stays signed in.
    BankRest("Bank 001", f"http://127.0.0.1:{ports['--bank-001-port']}", client).pay(
        payer.account_number, "EMAIL", "fernanda@ipe.example", 1_00, "", "before the reset"
    )
    panel = f"http://127.0.0.1:{ports['--lab-port']}"
    found_address = re.search(rf"{panel}/\?token=\S+", fresh.output())
    assert found_address is not None
    with new_http_client(follow_redirects=True) as browser:
        browser.get(found_address[0])
        token = re.search('name="csrf_token" value="([^"]+)"', browser.get(f"{panel}/reset").text)
        assert token is not None
        assert "is being reset" in browser.post(f"{panel}/reset", data={"csrf_token": token[1]}).text
        wait_until(lambda: fresh.output().count(READY) == 2, 120, "the demo to be back")
        assert balance_of_rich(client, ports["--bank-001-port"]) == payer.balance_centavos
        assert browser.get(f"{panel}/").is_success
    assert fresh.end(signal.SIGINT) == 0


def test_a_port_in_use_gets_a_clear_sentence(tmp_path: Path) -> None:
    arguments, ports = demo_arguments(tmp_path / "data")
    with socket.create_server(("127.0.0.1", ports["--bank-002-port"])):
        finished = ask_codepix(*arguments)
    assert finished.returncode == 2
    assert finished.stderr.strip() == (
        f"Port {ports['--bank-002-port']}, wanted for Banco Ipê (002), is in use by another program. "
        "Choose another with --bank-002-port."
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kafka", "apache"], "--story: needs the embedded broker"),
        (["--transfer-timeout", "40"], "--story: does not work with --transfer-timeout"),
    ],
)
def test_a_story_that_cannot_be_told_is_refused(arguments: list[str], sentence: str) -> None:
    finished = ask_codepix("demo", "--story", *arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr


def test_fresh_removes_no_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    arguments, _ = demo_arguments(tmp_path)
    finished = ask_codepix(*arguments, "--fresh")
    assert finished.returncode == 1
    assert "is not a folder of CodePix" in finished.stderr
    assert (tmp_path / "thesis.txt").exists()
