"""`codepix sandbox`: starts, says everything in one JSON object, starts over, and ends without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from lab.network.parts.process import wait_until
from lab.sandbox.client import CodePixNetwork, SandboxError, running_sandbox
from pix.scheme import brcode
from pix.web.client import new_http_client
from tests.e2e.conftest import all_gone, ask_codepix, command_line, run_codepix

START_AT = "2027-03-01T10:00"
OPTIONS = ("--seed", "7", "--start-at", START_AT, "--profile", "efi")
EXAMPLE = Path(__file__).parents[2] / "examples/pytest-sandbox/test_checkout.py"
GONE_SECONDS_MAX = 20.0
PYTEST_SECONDS_MAX = 150.0
MONEY_SECONDS_MAX = 20.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[CodePixNetwork]:
    """Ended by SIGTERM; what it leaves behind fails."""
    command = command_line("sandbox", *OPTIONS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = time.monotonic()
        line = process.stdout.readline()
        print(f"a sandbox was ready after {time.monotonic() - begun:.1f} s")
        with CodePixNetwork(json.loads(line)) as network:
            family = psutil.Process(process.pid).children(recursive=True)
            yield network
        process.send_signal(signal.SIGTERM)
        assert process.wait(GONE_SECONDS_MAX) == 0
        assert process.stdout.read() == ""
    wait_until(lambda: all_gone(family), GONE_SECONDS_MAX, "all processes to end")


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
    wait_until(lambda: balance(network, network.merchant) == amount_centavos, MONEY_SECONDS_MAX, "the money to come")


@pytest.mark.smoke
@pytest.mark.slow
def test_a_reset_puts_books_clock_and_ids_back(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    had = sandbox.merchant["balance_centavos"]
    first = pay(sandbox, "one")
    await_balance(sandbox, had + 5_00)
    sandbox.advance(3 * 86_400)
    sandbox.reset()
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


@pytest.mark.prove
def test_a_reset_waits_for_a_bank_that_a_test_has_killed(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    port = sandbox.merchant["api_url"].rsplit(":", 1)[1].removesuffix("/api/v1")
    banks = [each for each in psutil.process_iter(["environ"]) if (each.info["environ"] or {}).get("HTTP_PORT") == port]
    pay(sandbox, "in the middle")
    for bank in banks:
        if "serve" in bank.cmdline() and "--" not in bank.cmdline():
            bank.kill()
    sandbox.reset()
    assert balance(sandbox, sandbox.merchant) == sandbox.merchant["balance_centavos"]
    pay(sandbox, "afterwards")
    await_balance(sandbox, sandbox.merchant["balance_centavos"] + 5_00)


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
    assert abs(restored_ms - kept_ms) < 60_000
    with pytest.raises(SandboxError, match="no snapshot none"):
        sandbox.restore("none")


def test_the_control_address_wants_its_token(sandbox: CodePixNetwork) -> None:
    url = sandbox.document["control"]["url"]
    headers = {"Authorization": f"Bearer {sandbox.document['control']['token']}", "Host": "evil.example"}
    with new_http_client() as client:
        assert client.post(f"{url}/reset").status_code == 401
        assert client.post(f"{url}/reset", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get(f"{url}/", headers=headers).status_code == 403


def test_a_charge_of_the_api_pix_is_paid_on_demand(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    shop = sandbox.merchant
    with new_http_client() as client:
        answer = client.post(
            shop["token_url"],
            data={"grant_type": "client_credentials"},
            auth=(shop["client_id"], shop["client_secret"]),
        )
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        charge = {"calendario": {"expiracao": 3600}, "valor": {"original": "37.00"}, "chave": evp(sandbox)["key"]}
        made = client.post(f"{shop['api_pix_url']}/cob", json=charge)
        assert made.status_code == 201, made.text
        # What the profile of Efí adds.
        assert client.get(f"{shop['api_pix_url']}/loc/{made.json()['loc']['id']}/qrcode").status_code == 200
        cob = f"{shop['api_pix_url']}/cob/{made.json()['txid']}"
        # Too late is planned now; the first payment comes in time.
        late = sandbox.pay(made.json()["pixCopiaECola"], when="after_expiry")
        sandbox.pay(made.json()["pixCopiaECola"])
        wait_until(lambda: client.get(cob).json()["status"] == "CONCLUIDA", MONEY_SECONDS_MAX, "the charge to be paid")
        sandbox.advance(3_700)
        sandbox.wait_at_rest()
        (payment,) = [each for each in payments(sandbox) if each["payment_id"] == late["payment_id"]]
        transfer = sandbox.call("GET", f"{sandbox.payer['api_url']}/transfers/{payment['end_to_end_ids'][0]}")
        assert (transfer["status"], transfer["reason"]) == ("failed", "BE17")


def payments(network: CodePixNetwork) -> list[dict[str, Any]]:
    """What the payer's bank was told."""
    return list(network.call("GET", f"{network.payer['sandbox_url']}/payments")["payments"])


def test_a_payer_is_told_by_command(sandbox: CodePixNetwork) -> None:
    sandbox.reset()
    code = brcode.encode(brcode.BRCode(evp(sandbox)["key"], "Padaria", "Sao Paulo", amount_centavos=9_00))
    bank = sandbox.payer["sandbox_url"].removesuffix("/sandbox")
    told = ask_codepix("payer", "pay", code, "--bank", bank, "--amount", "1,00", "--json")
    assert told.returncode == 0, told.stderr
    (payment,) = json.loads(told.stdout)["payments"]
    assert (payment["status"], payment["amount_centavos"]) == ("made", 1_00)
    await_balance(sandbox, sandbox.merchant["balance_centavos"] + 1_00)
    refused = ask_codepix("payer", "pay", "no code", "--bank", bank)
    assert refused.returncode == 1 and "code" in refused.stderr


def run_pytest(folder: Path, options: str = "", **variables: str) -> dict[str, Any]:
    """Runs the example of the docs and a look at the network, and returns the JSON object that the tests have got."""
    (folder / "test_checkout.py").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_look.py").write_text(
        "import json, pathlib\n\n\n"
        "def test_look(codepix_network):\n"
        "    shop = codepix_network.merchant\n"
        "    account = codepix_network.call('GET', f\"{shop['api_url']}/accounts/{shop['account_number']}\")\n"
        "    assert account['balance_centavos'] == shop['balance_centavos']\n"
        "    pathlib.Path('seen.json').write_text(json.dumps(dict(codepix_network.document)))\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "lab.sandbox.pytest_plugin", "--codepix-sandbox", options]
    # Named above, because an environment may have the package without its entry points.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}
    finished = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PYTEST_SECONDS_MAX
    )
    assert "2 passed" in finished.stdout, finished.stdout + finished.stderr
    return dict(json.loads((folder / "seen.json").read_text()))


def test_the_plugin_gives_each_test_the_same_network(sandbox: CodePixNetwork, tmp_path: Path) -> None:
    sandbox.reset()
    control = sandbox.document["control"]
    seen = run_pytest(tmp_path, CODEPIX_SANDBOX_URL=control["url"], CODEPIX_SANDBOX_TOKEN=control["token"])
    assert seen == sandbox.document


@pytest.mark.prove
def test_the_plugin_starts_a_network_that_the_seed_repeats(sandbox: CodePixNetwork, tmp_path: Path) -> None:
    seen = run_pytest(tmp_path, " ".join(OPTIONS))
    for code, bank in sandbox.banks.items():
        assert seen["banks"][code]["people"] == bank["people"]


@pytest.mark.prove
def test_a_folder_goes_on_where_it_was(tmp_path: Path) -> None:
    options = (*OPTIONS, "--folder", str(tmp_path / "data"))
    with running_sandbox(*options) as network:
        pay(network, "one")
        await_balance(network, network.merchant["balance_centavos"] + 5_00)
        network.snapshot("one-payment")
        code = brcode.encode(brcode.BRCode(evp(network)["key"], "Padaria", "Sao Paulo", amount_centavos=9_00))
        network.pay(code, when="in_seconds", in_seconds=3_600)
        had = network.document["merchant"]["balance_centavos"]
    with running_sandbox(*options) as network:
        assert balance(network, network.merchant) == had + 5_00
        network.advance(3_700)
        await_balance(network, had + 14_00)
        network.restore("one-payment")
        assert balance(network, network.merchant) == had + 5_00
        # Other ports than at the time of the snapshot: the hub knows them again.
        urls = {bank["url"] for bank in network.call("GET", f"{network.hub['api_url']}/banks")}
        assert urls == {bank["url"] for bank in network.banks.values()}
        network.reset()
        assert balance(network, network.merchant) == had


def test_a_folder_of_another_seed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text('{"token": "t", "seed": "7"}')
    refused = run_codepix("sandbox", "--seed", "8", "--folder", str(tmp_path))
    assert refused.returncode == 2 and "--seed" in refused.stderr and refused.stdout == ""


def test_reset_without_a_folder_is_refused() -> None:
    refused = ask_codepix("sandbox", "--reset")
    assert refused.returncode == 2 and "--folder" in refused.stderr
