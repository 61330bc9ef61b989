"""Prometheus watches a network: it reads every metric that dashboard and alerts ask for, and takes their questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, payment
from lab.drive.returns import ReturnDriver, orders_of
from lab.network.network import Network
from lab.network.parts.ports import free_port
from lab.network.parts.process import ChildProcess, is_true_within, wait_until
from lab.read.rest import BankRest, HubRest
from pix.web.client import new_http_client
from tests.unit.house.repository import ROOT

pytestmark = pytest.mark.prometheus

OBSERVE = ROOT / "lab" / "observe"
READY_SECONDS_MAX = 60.0
SEEN_SECONDS_MAX = 60.0
SCRAPE_SECONDS = 1
RATE_INTERVAL = "30s"
NAMES = re.compile(r"\b(?:codepix|process)_[a-z_]+")
SILENT = {
    # Nothing has failed, has been refused or has come twice, so that there is nothing to count.
    *("codepix_hub_failures_total", "codepix_resends_total", "codepix_duplicates_total", "codepix_refusals_total"),
    *("codepix_dead_letters", "codepix_dead_letters_buried_total"),
    # All that was sent has come to its end.
    *("codepix_hub_open_transfers", "codepix_hub_oldest_open_transfer_seconds"),
    *("codepix_bank_undecided_transfers", "codepix_bank_oldest_undecided_transfer_seconds"),
    *("codepix_hub_return_failures_total", "codepix_bank_return_failures_total"),
    *("codepix_hub_open_returns", "codepix_hub_oldest_open_return_seconds"),
    *("codepix_bank_undecided_returns", "codepix_bank_oldest_undecided_return_seconds"),
}
"""Metrics that may say nothing in a network in which all is well."""


def base(name: str) -> str:
    """A metric's name without what says which of its series is meant."""
    return re.sub("_(total|bucket|sum|count)$", "", name)


def dashboard_queries() -> list[str]:
    """What the dashboard's panels ask, with a time in the place of Grafana's variable."""
    dashboard = json.loads((OBSERVE / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return [query.replace("$__rate_interval", RATE_INTERVAL) for query in asked]


def alert_queries() -> list[str]:
    """What the alerts ask."""
    rules = yaml.safe_load((OBSERVE / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    return [rule["expr"] for rule in rules]


class Prometheus:
    """One that watches a hub and its banks."""

    def __init__(self, folder: Path, addresses: list[str]) -> None:
        configuration = {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
            "rule_files": [str(OBSERVE / "alerts.yml")],
            "scrape_configs": [{"job_name": "codepix", "static_configs": [{"targets": addresses}]}],
        }
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        self._client = new_http_client(base_url=f"http://{address}", timeout=READY_SECONDS_MAX)
        self.child = ChildProcess("prometheus")
        self.child.start(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            None,
            folder / "prometheus.log",
        )

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        document = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert document["status"] == "success", document
        return document["data"]

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._client.get("/-/ready").is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Ends it."""
        self._client.close()
        self.child.kill()

    def results(self, query: str) -> list[dict[str, Any]]:
        """The series that a query finds. Fails when it is none."""
        return list(self.ask("query", query=query)["result"])


@pytest.fixture
def prometheus(tmp_path: Path, network: Network) -> Iterator[Prometheus]:
    urls = [network.hub_url, *(bank.url for bank in network.banks)]
    prometheus = Prometheus(tmp_path, [url.removeprefix("http://") for url in urls])
    try:
        wait_until(prometheus.is_ready, READY_SECONDS_MAX, "Prometheus to be ready", children=[prometheus.child])
        yield prometheus
    finally:
        prometheus.close()


def test_what_dashboards_and_alerts_ask_for_is_scraped_and_answered(
    prometheus: Prometheus, network: Network, banks: dict[str, BankRest], population: Population
) -> None:
    def all_are_watched() -> bool:
        targets = prometheus.ask("targets")["activeTargets"]
        return len(targets) == 1 + len(banks) and all(target["health"] == "up" for target in targets)

    wait_until(all_are_watched, SEEN_SECONDS_MAX, "the hub and every bank to be scraped")
    scraped = {base(each["metric"]) for each in prometheus.ask("targets/metadata")}
    queries = dashboard_queries()
    asked = set(NAMES.findall(" ".join([*queries, *alert_queries()])))
    assert {base(name) for name in asked} <= scraped
    for query in alert_queries():
        prometheus.results(query)

    order = payment(population.rich("001"), population.friends("002")[0], 1_00, "prometheus")
    sent = PaymentDriver(banks).send(order)
    (back,) = orders_of(sent, [50], population)
    with new_http_client() as client, closing(ReturnDriver(banks, HubRest(network.hub_url, client))) as returns:
        assert returns.send(back, awaits_original=True).refused is None
    unanswered = [query for query in queries if not SILENT & set(NAMES.findall(query))]

    def all_have_an_answer() -> bool:
        unanswered[:] = [query for query in unanswered if not prometheus.results(query)]
        return not unanswered

    assert is_true_within(SEEN_SECONDS_MAX, all_have_an_answer), unanswered
