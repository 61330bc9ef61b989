"""The panel over a real network: what is killed comes back, what is stopped stays down, traffic is accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from lab.network.network import Network
from lab.network.parts.process import wait_until
from pix.web.client import new_http_client
from tests.support.panel import serving_panel

BACK_SECONDS_MAX = 90.0
PAYMENTS = 40


@pytest.fixture
def api(quiet_network: Network, client: httpx.Client) -> Iterator[httpx.Client]:
    """The panel's REST, with its token."""
    with serving_panel(quiet_network, client) as address:
        root, _, token = address.partition("/?token=")
        with new_http_client(
            base_url=f"{root}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as made:
            yield made


def await_part(api: httpx.Client, name: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        part: dict[str, Any] = api.get(f"/parts/{name}").json()
        return part if is_so(part) else None

    found = wait_until(look, BACK_SECONDS_MAX, f"{name} to be so")
    assert found is not None
    return found


def test_what_is_killed_comes_back_and_what_is_stopped_stays_down(api: httpx.Client) -> None:
    before = {part["name"]: part for part in api.get("/parts").json()}
    assert list(before) == ["postgres", "broker", "hub", "bank-001", "bank-002", "bank-003"]
    assert "--kafka apache" in before["broker"]["refused"]["kill"] and "freeze" in before["broker"]["actions"]
    await_part(api, "bank-003", lambda part: part["condition"] == "ready")

    killed = api.post("/parts/bank-003/kill").json()
    assert killed["condition"] in ("dead", "starting")
    back = await_part(api, "bank-003", lambda part: part["condition"] == "ready")
    assert back["pid"] != before["bank-003"]["pid"]

    assert api.post("/parts/bank-002/stop").json()["condition"] == "held"
    assert api.post("/parts/postgres/freeze").json()["condition"] == "frozen"
    assert api.post("/parts/postgres/thaw").json()["condition"] == "ready"
    assert api.get("/parts/bank-002").json()["condition"] == "held"
    api.post("/parts/bank-002/start")
    await_part(api, "bank-002", lambda part: part["condition"] == "ready")


def test_traffic_is_accounted_for_to_the_last_payment(api: httpx.Client) -> None:
    started = api.put("/traffic", json={"rate_per_second": 20, "failing_percent": 25, "payees": {"001": 3}})
    assert started.status_code == 200 and started.json()["running"] is True

    def figures() -> dict[str, Any]:
        found: dict[str, Any] = api.get("/traffic").json()
        return found

    wait_until(lambda: figures()["sent"] >= PAYMENTS, BACK_SECONDS_MAX, "payments to be sent")
    assert api.post("/traffic/stop").json()["running"] is False
    wait_until(lambda: figures()["in_flight"] == figures()["waiting"] == 0, BACK_SECONDS_MAX, "all of them to end")
    end = figures()
    assert end["unexpected"] == 0, end["unexpected_shown"]
    failed = end["failed_as_they_must"]
    assert sum(failed.values()) > 0 and set(failed) <= {"AC03", "AC06", "AC07", "insufficient-balance"}
    assert end["completed"] + sum(failed.values()) - failed.get("insufficient-balance", 0) == end["sent"]

    api.post("/audit").raise_for_status()
    wait_until(lambda: api.get("/act").json()["ended_ms"], BACK_SECONDS_MAX, "the audit to end")
    act = api.get("/act").json()
    assert act["ok"] is True, act["failures"]
    assert len(act["audit"]["invariants"]) == 7
