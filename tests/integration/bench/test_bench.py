"""The benchmark itself, run small: it measures what it says, audits it, and says it in every form; no figure counts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from lab.read.report import percentile
from loadtest.bench.command import BenchOptions, BenchResult, Part, parts_of, run_bench
from loadtest.bench.report import bench_html, bench_table
from loadtest.bench.result import PartResult

HISTORY = 500
MACHINE = {
    "cores": 2,
    "processor": "a <processor>",
    "python": "3.11",
    "apache_kafka": "4",
    "postgresql": "18",
    "load_at_start": 0.5,
    "durability": {"kafka": "acks=all"},
}


@pytest.mark.slow
@pytest.mark.apache_kafka
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("parts", "seconds", "ratio_max"),
    [
        # Beside other tests a rate and its limit are measured on what they leave, each at another moment.
        pytest.param([Part.KEYS], 0.3, math.inf, id="keys beside others"),
        pytest.param([Part.HUB, Part.KEYS], 4.0, 2.0, id="hub and keys alone", marks=pytest.mark.prove),
    ],
)
def test_a_small_run_is_audited_and_below_the_limits(parts: list[Part], seconds: float, ratio_max: float) -> None:
    result = run_bench(BenchOptions(parts=parts, seconds=seconds, history=HISTORY))
    document = result.document()
    assert result.is_ok, json.dumps(document, indent=2)
    measured = {"keys", "registrations"} | ({"hub"} if Part.HUB in parts else set())
    assert set(document) == {"machine"} | measured | ({"limits"} if Part.HUB in parts else set())
    for name in measured:
        part = document[name]
        assert part["audit_ok"] is True
        assert part["per_second"] > 0
        # A stand-in for "no faster than the machine": a noisy neighbour during the limit's turn may double the ratio.
        assert 0 < part["ratio"] < ratio_max
    assert 0 < document["keys"]["p50_ms"] <= document["keys"]["p99_ms"]
    assert Part.HUB not in parts or document["hub"]["details"]["transfers"] > 0
    assert "fsync=on" in document["machine"]["durability"]["postgres"]


def test_a_run_that_is_not_green_has_no_figures() -> None:
    part = PartResult("hub", "the hub", audit_ok=False, per_second=5.0, limit_per_second=10.0, findings=["lost <one>"])
    assert "per_second" not in part.document() and "ratio" not in part.document()
    result = BenchResult(MACHINE, [part])
    assert not result.is_ok
    page = bench_html(result)
    assert "lost &lt;one&gt;" in page and "NOT green" in page


def test_a_green_one_has_the_figures_that_apply(tmp_path: Path) -> None:
    part = PartResult("hub", "the hub", True, 5.0, 10.0, "a limit", p50_ms=1.234, timeline=[1, 0, 3])
    document = part.document()
    assert document["per_second"] == 5.0 and document["ratio"] == 0.5 and document["p50_ms"] == 1.23
    assert "p99_ms" not in document
    page = bench_html(BenchResult(MACHINE, [part]))
    assert page.count("<svg") == 2 and "http" not in page and "a &lt;processor&gt;" in page
    assert bench_table(BenchResult(MACHINE, [part])).row_count == 1


def test_parts_are_named_and_ordered() -> None:
    assert parts_of("keys, hub") == [Part.HUB, Part.KEYS]
    with pytest.raises(ValueError, match="speed"):
        parts_of("hub,speed")
    with pytest.raises(ValueError, match="nothing"):
        parts_of(" ")


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], 50) is None
    assert percentile([1, 2, 3, 4], 50) == 2
    assert percentile([1, 2, 3, 4], 99) == 4
    assert percentile([7], 1) == 7
