"""`codepix smoke`: a fresh network that proves itself, on both brokers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.e2e.conftest import run_codepix_json

SECONDS_MAX = 40
OF_ANOTHER_WORK = {
    "METRICS_PORT": "9199",
    "HTTP_HOST": "192.0.2.1",
    "KAFKA_SECURITY_PROTOCOL": "SSL",
    "KAFKA_SSL_CA": "/nowhere",
    "DATABASE_URL": "mysql://elsewhere",
    "BANK_NAME": "",
    "OPERATOR_PASSWORD_FILE": "/nowhere",
    "TRANSFER_TIMEOUT": "0.001",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "no address",
    "OTEL_PROPAGATORS": "nothing",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "grpc_proxy"), "http://127.0.0.1:1"),
    "NO_PROXY": "",
    "PGHOST": "192.0.2.1",
    "PGOPTIONS": "-c search_path=nowhere",
    "PGSERVICE": "nowhere",
    "PGREQUIREAUTH": "scram-sha-256",
    "JAVA_TOOL_OPTIONS": "-Xnonsense",
    "SSL_CERT_FILE": "/nowhere",
    "LC_ALL": "pt_BR.NOWHERE",
    "TZ": "Nowhere/Else",
}
"""What people export for other work."""


@pytest.fixture
def shell_of_another_work(tmp_path: Path) -> dict[str, str]:
    """What such a shell exports, with packages of the services' names, which their processes must not find."""
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "__init__.py").write_text("raise SystemExit('this is another hub')")
    (tmp_path / "bank_sim.py").write_text("raise SystemExit('this is another bank')")
    return {**OF_ANOTHER_WORK, "PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize(
    ("kafka", "seconds_max"),
    [
        # Beside other tests its time says how busy the machine is.
        pytest.param("embedded", math.inf, id="beside others", marks=pytest.mark.smoke),
        pytest.param("embedded", SECONDS_MAX, id="alone", marks=pytest.mark.prove),
        pytest.param("apache", SECONDS_MAX, id="apache", marks=[pytest.mark.apache_kafka, pytest.mark.prove]),
    ],
)
def test_every_transfer_ends_as_it_must_whatever_a_shell_exports(
    kafka: str, seconds_max: float, shell_of_another_work: dict[str, str]
) -> None:
    code, document = run_codepix_json("smoke", "--transfers", "60", "--kafka", kafka, exported=shell_of_another_work)
    assert code == 0, document
    assert document["ok"] is True
    assert document["seconds"] < seconds_max
    assert document["transfers"] == {"requested": 60, "completed": 45, "failed_or_refused": 15, "final": True}
    assert {"AC03", "AC06", "AC07", "AM04", "insufficient-balance", "payer-is-payee"} < set(document["outcomes"])
    returns = document["returns"]
    assert (returns["requested"], returns["completed"], returns["failed_or_refused"]) == (38, 24, 14)
    assert {"AC06", "AC07", "AM04", "DS27", "DT05", "amount_centavos", "insufficient-balance"} < set(
        returns["outcomes"]
    )
    assert document["audit"]["invariants"]["returns_keep_to_their_originals"]["numbers"]["returns"] >= 29
    assert all(forgery["ok"] for forgery in document["forgeries"].values())
    assert all(invariant["ok"] for invariant in document["audit"]["invariants"].values())
    assert 0 < document["latency_ms"]["p50"] <= document["latency_ms"]["p99"]
