"""A network as strangers would run it: mutual TLS on gRPC, no demo mode, an operator's password; and silent logs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from codepix.v1 import participants_pb2 as participants
from codepix.v1 import participants_pb2_grpc
from lab.drive.customers import DEMO_PIN
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.process import is_true_within
from lab.read.rest import BankRest, HubRest
from lab.read.snapshot import NetworkReader
from pix.rpc.client import open_channel
from pix.web.client import new_http_client

PASSWORD = "the operator of this very network"
SETTLED_SECONDS_MAX = 30.0
CALL_SECONDS = 10.0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    settings = NetworkSettings(
        folder=tmp_path_factory.mktemp("guarded"),
        banks=DEMO_BANKS[:2],
        demo_mode=False,
        tls=True,
        extra_environment={"OPERATOR_PASSWORD": PASSWORD, "LOG_LEVEL": "DEBUG"},
    )
    with Network(settings) as network:
        yield network


@pytest.fixture(scope="module")
def operator() -> Iterator[httpx.Client]:
    with new_http_client(headers={"Authorization": f"Bearer {PASSWORD}"}, timeout=30) as client:
        yield client


def pay(network: Network, operator: httpx.Client, order: str) -> None:
    """A customer of the first bank pays one of the second, and it is confirmed."""
    first, second = (BankRest(bank.spec.name, bank.url, operator) for bank in network.banks)
    payer = max(first.accounts(), key=lambda account: int(account["balance_centavos"]))
    payee = max(second.accounts(), key=lambda account: int(account["balance_centavos"]))
    key = second.keys_of(payee["number"])[0]
    row = first.pay(payer["number"], key["kind"], key["key"], 1_234, "", order)
    end_to_end_id = row["end_to_end_id"]
    assert is_true_within(
        SETTLED_SECONDS_MAX, lambda: first.transfer(end_to_end_id, "outgoing")["status"] == "confirmed"
    )


def test_a_transfer_goes_through_over_mutual_tls_and_the_books_hold(guarded: Network, operator: httpx.Client) -> None:
    pay(guarded, operator, "order-1")
    assert NetworkReader(guarded.hub_url, operator).audit(SETTLED_SECONDS_MAX).is_ok


def test_the_hub_speaks_nothing_but_tls(guarded: Network) -> None:
    bank = guarded.banks[0]
    with open_channel(f"127.0.0.1:{guarded.grpc_ports[0]}") as channel:
        stub = participants_pb2_grpc.ParticipantServiceStub(channel)
        metadata = (("codepix-ispb", bank.ispb), ("codepix-secret", bank.secret))
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListParticipants(participants.ListParticipantsRequest(), metadata=metadata, timeout=CALL_SECONDS)
    assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_without_the_operators_password_nothing_is_shown(guarded: Network) -> None:
    with new_http_client(follow_redirects=False, timeout=30) as stranger:
        for url in (guarded.hub_url, *(bank.url for bank in guarded.banks)):
            assert stranger.get(f"{url}/api/v1/transfers").status_code == 401
            assert stranger.get(f"{url}/health/ready").status_code == 200
        assert stranger.get(f"{guarded.hub_url}/").headers["location"] == "/sign-in"
        assert stranger.get(f"{guarded.banks[0].url}/backoffice").headers["location"] == "/backoffice/sign-in"


def test_no_secret_is_in_any_log(guarded: Network, operator: httpx.Client) -> None:
    # First everything that goes wrong with secrets in it, then a look.
    wrong = "a wrong password that was guessed"
    with new_http_client(timeout=30) as stranger:
        for bank in guarded.banks:
            stranger.get(f"{bank.url}/api/v1/books", headers={"Authorization": f"Bearer {wrong}"})
            stranger.post(f"{bank.url}/backoffice/sign-in", data={"password": wrong})
            stranger.post(f"{bank.url}/sign-in", data={"account_number": "100001-7", "pin": "73519"})
            body = {"name": "Eva", "tax_id": "52998224725", "opening_deposit_centavos": -1, "pin": "73519"}
            operator.post(f"{bank.url}/api/v1/accounts", json=body)
        key_url = f"{guarded.hub_url}/api/v1/keys/EMAIL/x@example.com"
        stranger.get(key_url, headers={"codepix-ispb": "00000001", "codepix-secret": wrong})
    pay(guarded, operator, "order-2")
    assert HubRest(guarded.hub_url, operator).banks()
    secrets = {
        PASSWORD,
        wrong,
        "73519",
        guarded.secrets.sessions,
        *guarded.secrets.banks.values(),
        *(key.read_text().splitlines()[1] for key in (guarded.folder / "tls").glob("*.key")),
    }
    assert DEMO_PIN.isdigit() and len(secrets) >= 8
    logs = sorted((guarded.folder / "logs").glob("*.log"))
    assert len(logs) >= 4
    for log in logs:
        text = log.read_text(errors="replace")
        found = [secret for secret in secrets if secret in text]
        assert found == [], f"{log.name} has {len(found)} secrets in it"


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"BANK_SECRET": "a-short-one", "OPERATOR_PASSWORD": "short-too"}, 2, ("BANK_SECRET", "OPERATOR_PASSWORD")),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD": "half"}, 2, ("KAFKA_SASL_USERNAME",)),
        ({"OPERATOR_PASSWORD_HASH": "no-hash-at-all"}, 2, ("hash-password",)),
        ({}, 1, ("DATABASE_URL",)),
    ],
    ids=["too short", "half of SASL", "no hash", "no database"],
)
def test_a_service_says_nothing_of_a_secret_that_it_refuses(
    tmp_path: Path, settings: dict[str, str], code: int, said: tuple[str, ...]
) -> None:
    environment = {
        "DATABASE_URL": "postgresql+psycopg2://nobody:hunter2@127.0.0.1:1/none",
        "BANK_CODE": "001",
        "BANK_NAME": "Banco Aurora",
        "BANK_SECRET": "a-secret-long-enough",
        **settings,
    }
    command = [sys.executable, "-P", "-m", "bank_sim", "migrate"]
    finished = subprocess.run(command, env={**os.environ, **environment}, cwd=tmp_path, capture_output=True, text=True)
    output = finished.stdout + finished.stderr
    assert finished.returncode == code, output
    for word in said:
        assert word in output
    for name, value in environment.items():
        assert value not in output or name in ("BANK_CODE", "BANK_NAME", "KAFKA_SECURITY_PROTOCOL"), name
    assert "hunter2" not in output
