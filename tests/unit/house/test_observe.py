"""Dashboards and alert rules ask for what the services export, and for nothing else."""

import json
import re
from typing import Any

import pytest
import yaml

from pix.telemetry.metrics import Metrics
from tests.unit.house.observing_page import (
    OBSERVING,
    SETTINGS,
    metrics_of_bank,
    metrics_of_hub,
    settings_page,
    with_metrics,
)
from tests.unit.house.repository import ROOT

FOLDER = ROOT / "lab" / "observe"
WORDS = re.compile(r"\b(?:codepix|process)_[a-z_]+")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def exported(metrics: Metrics) -> set[str]:
    """The names of every series, as they are written."""
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", metrics.exposition().decode(), re.MULTILINE)
    return {f"{name.removesuffix('_total')}{suffix}" for name, kind in kinds for suffix in SUFFIXES.get(kind, ("",))}


EVERYTHING = exported(metrics_of_hub()) | exported(metrics_of_bank())
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
}


@pytest.mark.parametrize("query", [*QUERIES.values(), *(rule["expr"] for rule in RULES)])
def test_what_is_asked_for_is_exported(query: str) -> None:
    names = set(WORDS.findall(re.sub(r'"[^"]*"|by \([^)]*\)', "", query)))
    assert names or "up{" in query, query
    assert names <= EVERYTHING, names - EVERYTHING
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing), query


def test_every_metric_of_ours_is_looked_at() -> None:
    asked = set(WORDS.findall(" ".join([*QUERIES.values(), *(rule["expr"] for rule in RULES)])))
    bases = {re.sub("_(total|bucket|sum|count)$", "", name) for name in asked}
    ours = {re.sub("_(total|bucket|sum|count)$", "", name) for name in EVERYTHING if name.startswith("codepix_")}
    # What explains another series, or is the other half of one that is shown.
    beside = {
        *("codepix_hub_bank", "codepix_grpc_request_seconds", "codepix_hub_calls"),
        *("codepix_messages_sent", "codepix_bank_failures"),
    }
    assert ours - bases == beside


def test_rules_and_panels_are_whole() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 10
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "warn"}
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(places) == len(set(places))


def test_what_is_provisioned_is_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    files = {each["file"].removeprefix("./lab/observe/") for each in compose["configs"].values()}
    assert files == {path.name for path in FOLDER.iterdir()}
    used = {each["source"] for service in compose["services"].values() for each in service.get("configs", [])}
    assert used == set(compose["configs"])
    sources = yaml.safe_load((FOLDER / "datasources.yml").read_text(encoding="utf-8"))["datasources"]
    assert {source["url"].split("/")[2].split(":")[0] for source in sources} < set(compose["services"])
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]
    assert set(scraped["dns_sd_configs"][0]["names"]) < set(compose["services"])


def test_the_pages_are_fresh() -> None:
    page = OBSERVING.read_text(encoding="utf-8")
    assert page == with_metrics(page), "run: python -m tests.unit.house.observing_page"
    assert SETTINGS.read_text(encoding="utf-8") == settings_page(), "run: python -m tests.unit.house.observing_page"
