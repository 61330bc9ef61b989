"""The line of what a transfer costs with one, two or three hubs."""

from __future__ import annotations

import pytest

from lab.prove.cluster.cost import CostRun, fit
from lab.prove.cluster.measure import part_of


def run(hubs: int, hub_microseconds: float) -> CostRun:
    cpu = {"hubs": hub_microseconds * 1_000 / 1_000_000, "kafka": 400 * 1_000 / 1_000_000}
    return CostRun(hubs=hubs, transfers=1_000, seconds=10.0, cpu_seconds=cpu)


def test_the_line_is_fitted_to_one_half_and_checked_against_the_other() -> None:
    runs = [run(1, 200), run(1, 220), run(2, 210), run(2, 231), run(3, 220), run(3, 242)]
    hubs, kafka, whole = fit(runs)
    assert (hubs.part, round(hubs.base_microseconds), round(hubs.slope_microseconds)) == ("hubs", 200, 10)
    assert round(hubs.error_longest, 3) == 0.091
    assert (round(kafka.base_microseconds), round(kafka.slope_microseconds), kafka.error_longest) == (400, 0, 0.0)
    assert whole.part == "all"
    assert round(whole.predict(3)) == 620


def test_a_half_with_one_number_of_hubs_is_refused() -> None:
    with pytest.raises(ValueError, match="two numbers of hubs"):
        fit([run(1, 200), run(1, 220), run(2, 210), run(1, 231)])


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (["/x/.venv/bin/python", "-P", "-m", "hub", "serve"], "hubs"),
        (["/x/.venv/bin/python", "-P", "-m", "bank_sim", "serve"], "banks"),
        (["/usr/bin/java", "-Xmx256m", "-cp", "/jars/*", "kafka.Kafka", "/x/server.properties"], "kafka"),
        (["postgres: hub hub 10.0.0.5(4711) idle"], "database"),
        (["/x/pginstall/bin/postgres", "-D", "/x/hub"], "database"),
        (["/x/.venv/bin/python", "/x/.venv/bin/patroni", "/x/h1.yml"], "database"),
        (["/usr/bin/etcd", "--name", "h1"], "etcd"),
        (["/x/.venv/bin/python", "/x/.venv/bin/locust", "--worker"], None),
    ],
)
def test_a_process_is_counted_for_its_part(command: list[str], part: str | None) -> None:
    assert part_of(command) == part
