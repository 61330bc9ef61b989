"""`codepix sandbox`: starts, says everything in one JSON object, starts over, and ends with its input."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from lab.network.parts.process import wait_until
from lab.sandbox.client import CodePixNetwork, SandboxError, running_sandbox
from pix.scheme import brcode
from tests.e2e.conftest import all_gone, command_line, run_codepix

START_AT = "2027-03-01T10:00"
GONE_SECONDS_MAX = 20.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[CodePixNetwork]:
    with running_sandbox("--seed", "7", "--start-at", START_AT) as network:
        yield network


def evp(network: CodePixNetwork) -> dict[str, str]:
    return next(key for key in network.merchant["keys"] if key["kind"] == "EVP")


def pay(network: CodePixNetwork, name: str, amount_centavos: int = 5_00) -> str:
    """The end-to-end id of a transfer of the payer to the merchant."""
    payer = network.payer
    body = {"payee_key": evp(network), "amount_centavos": amount_centavos, "description": ""}
    url = f"{payer['api_url']}/accounts/{payer['account_number']}/transfers"
    made = network.call("POST", url, json=body, headers={"Idempotency-Key": name})
    return str(made["end_to_end_id"])


def balance(network: CodePixNetwork, person: dict[str, object]) -> int:
    account = network.call("GET", f"{person['api_url']}/accounts/{person['account_number']}")
    return int(account["balance_centavos"])


def await_balance(network: CodePixNetwork, amount_centavos: int) -> None:
    wait_until(lambda: balance(network, network.merchant) == amount_centavos, 20, "the merchant to have the money")


@pytest.mark.slow
def test_a_reset_puts_books_clock_and_ids_back(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    had = sandbox.merchant["balance_centavos"]
    first = pay(sandbox, "one")
    await_balance(sandbox, had + 5_00)
    sandbox.advance(3 * 86_400)
    begun = time.monotonic()
    sandbox.reset()
    seconds = time.monotonic() - begun
    print(f"a reset took {seconds:.2f} s")
    assert seconds < 5
    assert balance(sandbox, sandbox.merchant) == had
    assert pay(sandbox, "another name") == first
    await_balance(sandbox, had + 5_00)


def test_a_reset_gives_up_what_a_silent_bank_leaves_open(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    merchants_bank = sandbox.merchant["api_url"]
    for switches in ({"mode": "silent"}, {"consuming": False}):
        sandbox.call("PUT", f"{merchants_bank}/behaviour", json=switches)
        pay(sandbox, "stays open")
        sandbox.reset()
        assert sandbox.open_items == []
        assert balance(sandbox, sandbox.merchant) == sandbox.merchant["balance_centavos"]
        assert balance(sandbox, sandbox.payer) == sandbox.payer["balance_centavos"]


def test_a_snapshot_comes_back_with_its_time(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    had = sandbox.merchant["balance_centavos"]
    pay(sandbox, "kept")
    await_balance(sandbox, had + 5_00)
    sandbox.advance(86_400)
    sandbox.snapshot("one-payment")
    kept_ms = sandbox.call("GET", f"{sandbox.hub['api_url']}/clock")["now_ms"]
    pay(sandbox, "lost")
    sandbox.advance(86_400)
    sandbox.restore("one-payment")
    assert balance(sandbox, sandbox.merchant) == had + 5_00
    restored_ms = sandbox.call("GET", f"{sandbox.hub['api_url']}/clock")["now_ms"]
    assert 0 <= restored_ms - kept_ms < 60_000
    with pytest.raises(SandboxError, match="no snapshot none"):
        sandbox.restore("none")


def test_the_control_address_wants_its_token(sandbox: CodePixNetwork) -> None:
    url = sandbox.document["control"]["url"]
    assert httpx.post(f"{url}/reset").status_code == 401
    assert httpx.post(f"{url}/reset", headers={"Authorization": "Bearer wrong"}).status_code == 401
    headers = {"Authorization": f"Bearer {sandbox.document['control']['token']}", "Host": "evil.example"}
    assert httpx.get(f"{url}/", headers=headers).status_code == 403


def test_a_payer_is_told_by_command(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    code = brcode.encode(brcode.BRCode(evp(sandbox)["key"], "Padaria", "Sao Paulo", amount_centavos=9_00))
    bank = sandbox.payer["sandbox_url"].removesuffix("/sandbox")
    finished = run_codepix("payer", "pay", code, "--bank", bank, "--amount", "1,00", "--json")
    assert finished.returncode == 0, finished.stderr
    (payment,) = json.loads(finished.stdout)["payments"]
    assert (payment["status"], payment["amount_centavos"]) == ("made", 1_00)
    await_balance(sandbox, sandbox.merchant["balance_centavos"] + 1_00)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_ends_leave_nothing(sandbox: CodePixNetwork, tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    command = command_line("sandbox", "--seed", "7", "--start-at", START_AT, "--folder", folder)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with CodePixNetwork(json.loads(process.stdout.readline())) as with_same_seed:
            family = psutil.Process(process.pid).children(recursive=True)
            sandbox.reset()
            for code, bank in sandbox.banks.items():
                assert with_same_seed.banks[code]["people"] == bank["people"]
            assert pay(with_same_seed, "one") == pay(sandbox, "two")
        process.send_signal(signal.SIGTERM)
        assert process.wait(GONE_SECONDS_MAX) == 0
        assert process.stdout.read() == ""
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "all processes to end")

    other = run_codepix("sandbox", "--seed", "8", "--folder", folder)
    assert other.returncode == 2 and "--seed" in other.stderr
