"""`codepix load` against a network: what people, integrators and look-ups do there is measured, shown and judged."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.network.network import Network
from lab.network.parts.ports import free_port
from tests.e2e.conftest import ask_codepix, run_codepix_json

QUICK = ("--customers", "12", "--think-seconds", "0.1")


def at(network: Network) -> list[str]:
    """The options that name a network which runs already."""
    secrets = ",".join(f"{code}={secret}" for code, secret in network.secrets.banks.items())
    return [
        *("--hub", network.hub_url, "--hub-grpc", f"127.0.0.1:{network.grpc_ports[0]}"),
        *("--operator-password", network.secrets.operator, "--bank-secrets", secrets),
    ]


def test_users_arrive_and_every_line_is_measured_and_judged(quiet_network: Network, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    code, document = run_codepix_json(
        "load", *at(quiet_network), *QUICK, "--seconds", "6", "--rate", "6", "--html", str(report)
    )
    # Beside other tests a time says how busy the machine is; the verdict on it is proved in tests/unit/loadtest.
    late = [line["name"] for line in document["lines"] if not line["passed"]]
    assert (code, document["ok"], document["problem"]) == ((1, False, "") if late else (0, True, "")), document
    assert document["troubles"] == []
    figures = document["figures"]
    assert figures["payments_settled"] > 5 and figures["page_views_per_second"] > 3
    assert figures["look_ups_per_second"] > 0 and figures["look_up_p99_ms"] > 0
    assert 0 < figures["hub_p50_ms"] <= figures["settled_p99_ms"]
    assert figures["completed_p50_ms"] > 0
    assert all(line["passed"] for line in document["lines"] if line["unit"] != "ms"), document
    assert all(line["measured"] > 0 for line in document["lines"] if line["unit"] == "ms"), document
    assert document["audit"]["invariants"]["outcomes_agree"]["numbers"]["transfers"] >= figures["payments_settled"]
    page = report.read_text(encoding="utf-8")
    assert (
        "NOT every line is passed." if late else "Every line is passed."
    ) in page and "Each transfer has the same" in page
    # Locust's own report, with what people, integrators and look-ups have done.
    for name in ("sign in with the PIN", "pay: confirm", "REST: pay", "find key", "settled"):
        assert f'"name": "{name}"' in page, name


def test_a_hub_that_is_not_there_is_named(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    finished: subprocess.CompletedProcess[str] = ask_codepix("load", "--hub", address, "--html", str(tmp_path / "r"))
    assert finished.returncode == 2
    assert f"The hub at {address} does not answer" in finished.stdout
