"""The small bank in a network with the real hub and a bank of ours, and what the audit finds at a broken one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.broken_banks.defects import Defect
from lab.network.network import BankSpec, Network, NetworkSettings
from lab.network.parts.process import wait_until
from lab.read.audit import AuditReport
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader

OURS, RIGHT, BROKEN = "001", "002", "003"
DECIDED_SECONDS_MAX = 20.0
QUIET_SECONDS_MAX = 20.0
CPFS = ("52998224725", "11144477735", "39053344705")


class Contract:
    """Drives a bank by the contract of docs/bank-contract.md."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self._url = url
        self._client = client

    def call(self, method: str, path: str, **body: Any) -> httpx.Response:
        return self._client.request(method, f"{self._url}/contract/v1{path}", json=body or None)

    def open_account(self, document: str, centavos: int = 0) -> str:
        answer = self.call(
            "POST", "/accounts", owner_name="Ana Souza", owner_document=document, opening_balance_centavos=centavos
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["number"])

    def register(self, account: str, email: str) -> None:
        answer = self.call("POST", "/keys", account=account, kind="EMAIL", value=email)
        assert answer.status_code == 201, answer.text

    def pay(self, account: str, key: str, centavos: int) -> str:
        answer = self.call(
            "POST",
            "/transfers",
            account=account,
            key=key,
            amount_centavos=centavos,
            idempotency_key=str(uuid.uuid4()),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def status(self, transfer: str, side: str) -> str:
        return str(self.call("GET", f"/transfers/{transfer}?side={side}").json().get("status"))

    def balance(self, account: str) -> int:
        accounts = self.call("GET", "/accounts").json()["accounts"]
        return next(int(each["balance_centavos"]) for each in accounts if each["number"] == account)


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Ours, the small bank, and one that does not refund."""
    banks = (
        BankSpec(OURS, "Banco Aurora", "#5b2a86"),
        BankSpec(RIGHT, "Banco Pequeno", "#c98a00", small=()),
        BankSpec(BROKEN, "Banco Quebrado", "#00798c", small=("--defect", Defect.KEEPS_THE_MONEY)),
    )
    settings = NetworkSettings(folder=tmp_path_factory.mktemp("village"), banks=banks, resend_first_seconds=0.5)
    with Network(settings) as running:
        yield running


@pytest.fixture(scope="module")
def http(village: Network) -> Iterator[httpx.Client]:
    with new_client(village.secrets.operator) as client:
        yield client


def contract(network: Network, code: str, client: httpx.Client) -> Contract:
    return Contract(network.bank(code).url, client)


def audited(network: Network, client: httpx.Client) -> AuditReport:
    return NetworkReader(network.hub_url, client).audit(QUIET_SECONDS_MAX)


def test_it_pays_and_is_paid_and_is_killed_and_the_audit_is_green(village: Network, http: httpx.Client) -> None:
    small = contract(village, RIGHT, http)
    account = small.open_account(CPFS[0], 10_000)
    small.register(account, "pequeno@example.com")
    ours = BankRest("Bank 001", village.bank(OURS).url, http)
    number = max(ours.accounts(), key=lambda each: int(each["balance_centavos"]))["number"]
    key = next(each for each in ours.keys_of(number) if each["kind"] == "EMAIL")["key"]

    sent = small.pay(account, key, 4_000)
    got = ours.pay(number, "EMAIL", "pequeno@example.com", 2_500, "", str(uuid.uuid4()))["end_to_end_id"]
    # In the middle of both: it goes on where it was.
    village.restart_services([village.bank(RIGHT).service], kill=True)
    wait_until(
        lambda: small.status(sent, "payer") == small.status(got, "payee") == "confirmed",
        DECIDED_SECONDS_MAX,
        "both transfers to be confirmed",
    )
    assert small.balance(account) == 8_500
    returned = small.call(
        "POST", "/returns", transfer_id=got, amount_centavos=500, reason="MD06", idempotency_key="r-1"
    )
    assert returned.status_code == 201, returned.text
    wait_until(lambda: small.status(returned.json()["id"], "payee") == "confirmed", DECIDED_SECONDS_MAX, "the return")
    report = audited(village, http)
    assert report.is_final, report


def test_the_audit_names_the_bank_that_does_not_refund(village: Network, http: httpx.Client) -> None:
    small, broken = contract(village, RIGHT, http), contract(village, BROKEN, http)
    blocked = small.open_account(CPFS[1])
    small.register(blocked, "blocked@example.com")
    small.call("PUT", f"/accounts/{blocked}/status", status="blocked")
    payer = broken.open_account(CPFS[2], 1_000)
    transfer = broken.pay(payer, "blocked@example.com", 700)
    wait_until(lambda: broken.status(transfer, "payer") == "failed", DECIDED_SECONDS_MAX, "the transfer to fail")
    assert broken.balance(payer) == 300
    report = audited(village, http)
    findings = {finding.invariant: finding.offenders for finding in report.findings if not finding.is_ok}
    assert list(findings) == ["nothing_is_posted_twice"]
    (offender,) = findings["nothing_is_posted_twice"]
    assert offender.startswith(f"{BROKEN}: {transfer}")


def test_it_refuses_to_start_without_its_environment(tmp_path: Path) -> None:
    from lab.broken_banks.settings import read_settings
    from pix.runtime.settings_error import SettingsError

    with pytest.raises(SettingsError, match="BANK_SECRET"):
        read_settings({"BANK_CODE": "501", "BANK_NAME": "Banco", "DATA_DIR": str(tmp_path)})
