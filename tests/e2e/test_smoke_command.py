"""`codepix smoke`: a fresh network that proves itself, on both brokers."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import run_codepix_json

SMOKE_SECONDS_MAX = 40


@pytest.mark.parametrize("kafka", ["embedded", pytest.param("apache", marks=pytest.mark.apache_kafka)])
def test_every_transfer_ends_as_it_must(kafka: str) -> None:
    code, document = run_codepix_json("smoke", "--transfers", "60", "--kafka", kafka)
    assert code == 0, document
    assert document["ok"] is True
    assert document["seconds"] < SMOKE_SECONDS_MAX
    assert document["transfers"] == {"requested": 60, "completed": 45, "failed_or_refused": 15, "final": True}
    assert {"AC03", "AC06", "AC07", "AM04", "insufficient-balance", "payer-is-payee"} < set(document["outcomes"])
    assert all(forgery["ok"] for forgery in document["forgeries"].values())
    assert all(invariant["ok"] for invariant in document["audit"]["invariants"].values())
    assert 0 < document["latency_ms"]["p50"] <= document["latency_ms"]["p99"]
