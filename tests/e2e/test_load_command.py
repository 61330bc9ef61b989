"""`codepix load` against a network: what people, integrators and look-ups do there is measured, shown and judged."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.drive.customers import Population
from lab.network.network import Network
from lab.network.parts.ports import free_port
from tests.e2e.conftest import run_codepix, run_codepix_json
from tests.e2e.test_audit_command import tampered

QUICK = ("--customers", "12", "--think-seconds", "0.1")


def at(network: Network) -> list[str]:
    """The options that name a network which runs already."""
    secrets = ",".join(f"{code}={secret}" for code, secret in network.secrets.banks.items())
    return [
        *("--hub", network.hub_url, "--hub-grpc", f"127.0.0.1:{network.grpc_ports[0]}"),
        *("--operator-password", network.secrets.operator, "--bank-secrets", secrets),
    ]


def test_users_arrive_and_every_line_is_passed(quiet_network: Network, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    code, document = run_codepix_json(
        "load", *at(quiet_network), *QUICK, "--seconds", "6", "--rate", "6", "--html", str(report)
    )
    assert code == 0, document
    assert document["ok"] is True and document["troubles"] == []
    figures = document["figures"]
    assert figures["payments_settled"] > 5 and figures["page_views_per_second"] > 3
    assert figures["look_ups_per_second"] > 0 and figures["look_up_p99_ms"] > 0
    assert 0 < figures["hub_p50_ms"] <= figures["settled_p99_ms"]
    assert figures["completed_p50_ms"] > 0
    assert all(line["passed"] for line in document["lines"])
    assert document["audit"]["invariants"]["outcomes_agree"]["numbers"]["transfers"] >= figures["payments_settled"]
    page = report.read_text(encoding="utf-8")
    assert "Every line is passed." in page and "Each transfer has the same" in page
    # Locust's own report, with what people, integrators and look-ups have done.
    for name in ("sign in with the PIN", "pay: confirm", "REST: pay", "find key", "settled"):
        assert f'"name": "{name}"' in page, name


def test_a_red_audit_is_a_missed_line(quiet_network: Network, population: Population, tmp_path: Path) -> None:
    account = population.friends("002")[0].account_number
    add = "UPDATE accounts SET balance_centavos = balance_centavos + 1 WHERE number = :number"
    take = "UPDATE accounts SET balance_centavos = balance_centavos - 1 WHERE number = :number"
    with tampered(quiet_network, "bank_002", add, take, number=account):
        finished = run_codepix(
            *("load", *at(quiet_network), *QUICK, "--seconds", "2", "--mix", "look-ups=1"),
            *("--html", str(tmp_path / "report.html")),
        )
    assert finished.returncode == 1, finished.stderr
    assert "NOT every line is passed." in finished.stdout
    assert f"balance of account {account} is not its postings" in finished.stdout
    assert "Users arrive for 2 s" in finished.stderr


def test_a_hub_that_is_not_there_is_named(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    finished: subprocess.CompletedProcess[str] = run_codepix("load", "--hub", address, "--html", str(tmp_path / "r"))
    assert finished.returncode == 2
    assert f"The hub at {address} does not answer" in finished.stdout
