"""The panel of a cluster over a double: its page, its forms and its REST, and what it breaks and mends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from lab.network.parts.process import wait_until
from lab.panel.cluster.app import create_cluster_app
from lab.panel.cluster.serving import laboratory_of
from lab.panel.cluster.site import ClusterLaboratory
from lab.panel.cluster.tasks import KINDS_OF_PANEL, PanelCluster
from lab.panel.operator_sign_in import OperatorSignIn
from lab.prove.cluster.board import FAULTS_AT_ONCE_MAX
from lab.prove.cluster.plan import Kind
from tests.integration.lab_panel.conftest import TOKEN
from tests.integration.lab_panel.test_panel_sign_in import csrf_of
from tests.support.cluster_double import FakeCluster

DEADLINE_SECONDS = 30.0
PAGE_BYTES_MAX = 60_000


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def lab(cluster: FakeCluster, tmp_path: Path) -> Iterator[ClusterLaboratory]:
    made = laboratory_of(cast(PanelCluster, cluster), tmp_path, threading.Event())
    yield made
    made.ends.set()
    made.tasks.close()


@pytest.fixture
def browser(lab: ClusterLaboratory, port: int) -> Iterator[TestClient]:
    """A browser that has shown the token."""
    app = create_cluster_app(lab, OperatorSignIn(TOKEN), port)
    with TestClient(app, base_url=f"http://127.0.0.1:{port}", follow_redirects=False) as made:
        assert made.get("/", params={"token": TOKEN}).status_code == 303
        yield made


@pytest.fixture
def program(lab: ClusterLaboratory, port: int) -> Iterator[TestClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    app = create_cluster_app(lab, OperatorSignIn(TOKEN), port)
    with TestClient(app, base_url=f"http://127.0.0.1:{port}", headers=headers) as made:
        yield made


def act_once(program: TestClient, what: str, *stages: str) -> dict[str, Any]:
    """The task, once its last fault is in one of these stages, or once it is over."""

    def found() -> dict[str, Any] | None:
        task: dict[str, Any] = program.get("/api/v1/act").json()
        is_there = task["faults"] and task["faults"][-1]["stage"] in stages
        return task if (is_there if stages else task["ended_ms"]) else None

    task = wait_until(found, DEADLINE_SECONDS, what)
    assert task is not None
    return task


def test_without_the_token_nothing_is_shown_or_moved(lab: ClusterLaboratory, port: int, cluster: FakeCluster) -> None:
    app = create_cluster_app(lab, OperatorSignIn(TOKEN), port)
    with TestClient(app, base_url=f"http://127.0.0.1:{port}") as stranger:
        page = stranger.get("/")
        assert page.status_code == 401 and "codepix cluster --panel" in page.text
        assert stranger.post("/api/v1/faults", json={"kind": "hub killed"}).status_code == 401
        assert stranger.get("/api/v1/cluster").status_code == 401
        assert stranger.post("/faults", data={"kind": "hub killed"}).status_code == 401
    assert list(cluster.faults()) == []


def test_a_fault_stands_until_it_is_undone_and_is_audited(program: TestClient, cluster: FakeCluster) -> None:
    kinds = {each["kind"]: each["targets"] for each in program.get("/api/v1/faults").json()}
    assert "rolling upgrade" not in kinds and kinds["controller killed"] == []
    target = kinds["hub killed"][1]
    begun = program.post("/api/v1/faults", json={"kind": "hub killed", "target": target})
    assert begun.status_code == 202 and begun.json()["ok"] is None
    task = act_once(program, "the fault to stand", "stands")
    assert task["faults"][0]["target"] == target
    assert list(cluster.faults()) == ["hub-1"]

    assert program.post("/api/v1/faults/1/undo").status_code == 202
    task = act_once(program, "the audit after the fault")
    assert list(cluster.faults()) == []
    assert task["ok"] is True and task["audit"]["ok"] is True and task["failures"] == []
    (fault,) = task["rounds"][0]["faults"]
    assert (fault["kind"], fault["target"]) == ("hub killed", target)
    assert task["numbers"]["payments"] == task["numbers"]["payments_completed"] == len(cluster.rows) > 0
    times = program.get("/api/v1/times").json()
    assert times["faults"] == [fault]
    assert [(line["kind"], line["faults"]) for line in times["kinds"]] == [("hub killed", 1)]
    (run,) = program.get("/api/v1/runs").json()
    assert run["title"] == "Faults by hand" and run["rounds"] == task["rounds"]


@pytest.mark.parametrize("kind", KINDS_OF_PANEL, ids=str)
def test_every_kind_is_injected_by_its_button_and_undone(
    browser: TestClient, lab: ClusterLaboratory, cluster: FakeCluster, kind: Kind
) -> None:
    csrf = csrf_of(browser.get("/").text)
    answer = browser.post("/faults", data={"csrf_token": csrf, "kind": kind.value})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    act_once(browser, "the fault to stand", "stands")
    assert list(cluster.faults())
    page = browser.get("/").text
    assert 'action="/faults/1/undo"' in page and 'data-stage="stands"' in page
    assert browser.post("/faults/1/undo", data={"csrf_token": csrf}).status_code == 303
    act_once(browser, "the audit after the fault")
    assert list(cluster.faults()) == []
    page = browser.get("/").text
    assert 'data-verdict="green"' in page and 'data-round="green"' in page
    assert f'data-fault="{kind.value.replace(chr(39), "&#39;")}"' in page


def test_one_fault_at_a_time_unless_it_is_forced(program: TestClient, cluster: FakeCluster) -> None:
    program.post("/api/v1/faults", json={"kind": "hub killed"})
    act_once(program, "the first fault to stand", "stands")
    refused = program.post("/api/v1/faults", json={"kind": "broker killed", "target": "h3"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:codepix:problem:busy")
    assert program.post("/api/v1/plan", json={}).status_code == 409
    assert program.post("/api/v1/audit").status_code == 409
    for number in range(2, FAULTS_AT_ONCE_MAX + 1):
        body = {"kind": "broker killed", "target": f"h{number}", "forced": True}
        assert program.post("/api/v1/faults", json=body).status_code == 202
        act_once(program, "the forced fault to stand", "stands")
    assert set(cluster.faults()) == {"hub-0", "h2", "h3"}
    many = program.post("/api/v1/faults", json={"kind": "bank replica killed", "forced": True})
    assert many.status_code == 409 and "Undo one." in many.json()["detail"]

    program.post("/api/v1/faults/2/undo")
    wait_until(lambda: set(cluster.faults()) == {"hub-0", "h3"}, DEADLINE_SECONDS, "the second fault to be undone")
    again = program.post("/api/v1/faults/2/undo")
    assert again.status_code == 409 and "undone already" in again.json()["detail"]
    assert program.post("/api/v1/faults/9/undo").status_code == 409
    assert program.post("/api/v1/act/stop").status_code == 200
    task = act_once(program, "the audit after all faults")
    assert list(cluster.faults()) == [] and task["ok"] is True
    assert len(task["rounds"][0]["faults"]) == FAULTS_AT_ONCE_MAX
    nothing = program.post("/api/v1/faults/1/undo")
    assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:codepix:problem:nothing-stands")


def test_a_host_is_cut_off_from_the_hosts_that_are_named(
    program: TestClient, browser: TestClient, lab: ClusterLaboratory
) -> None:
    body = {"kind": "host cut off from some hosts", "target": "h4", "far_hosts": ["h1", "h7"]}
    program.post("/api/v1/faults", json=body)
    act_once(program, "the cut", "stands")
    lab.monitor.look()
    links = {(each["sender"], each["receiver"]) for each in program.get("/api/v1/cluster").json()["links"]}
    assert links == {("h1", "h4"), ("h4", "h1"), ("h4", "h7"), ("h7", "h4")}
    page = browser.get("/").text
    assert page.count('class="link-cut"') == 2 and 'data-link="h4-h7"' in page
    assert 'data-host="h4" data-state="cut off"' in page and 'data-host="h2" data-state="up"' in page


def test_a_plan_of_a_seed_audits_after_each_fault(program: TestClient, cluster: FakeCluster) -> None:
    plan = {"seed": 3, "transfers": 8, "groups": ["hubs", "clocks"], "faults_each": 1, "rate_per_second": 50}
    begun = program.post("/api/v1/plan", json=plan)
    assert begun.status_code == 202 and (begun.json()["seed"], begun.json()["rounds_planned"]) == (3, 2)
    act_once(program, "the first fault", "stands")
    program.post("/api/v1/faults/1/undo")
    wait_until(lambda: program.get("/api/v1/act").json()["rounds"], DEADLINE_SECONDS, "the first round's audit")
    act_once(program, "the second fault", "stands")
    program.post("/api/v1/faults/1/undo")
    task = act_once(program, "the plan to end")
    assert task["ok"] is True and task["title"] == "Planned faults"
    assert [each["outcomes"] for each in task["rounds"]] == [{"completed": 4}, {"completed": 4}]
    assert all(each["audit"]["ok"] for each in task["rounds"])
    assert list(cluster.faults()) == []


def test_an_audit_that_is_not_green_is_shown_and_kept(
    program: TestClient, browser: TestClient, cluster: FakeCluster
) -> None:
    cluster.loses_money = True
    program.post("/api/v1/faults", json={"kind": "hub killed"})
    act_once(program, "the fault to stand", "stands")
    program.post("/api/v1/faults/1/undo")
    task = act_once(program, "the audit after the fault")
    assert task["ok"] is False and task["audit"]["ok"] is False
    page = browser.get("/").text
    assert 'data-verdict="red"' in page and "Audit failed" in page
    report = browser.get("/runs/1")
    assert report.status_code == 200 and "hub killed" in report.text and 'data-round="red"' in report.text
    assert browser.get("/runs/1.json").json()["rounds"] == task["rounds"]


def test_a_fault_that_cannot_strike_is_named(program: TestClient, cluster: FakeCluster) -> None:
    cluster.database.has_primary = False
    program.post("/api/v1/faults", json={"kind": "primary killed"})
    task = act_once(program, "the round to end")
    assert task["ok"] is False and task["failures"] == ["No member of the database cluster is its primary."]
    assert task["faults"][0]["stage"] == "failed" and list(cluster.faults()) == []


def test_the_end_of_the_lab_undoes_what_stands(
    program: TestClient, lab: ClusterLaboratory, cluster: FakeCluster
) -> None:
    program.post("/api/v1/faults", json={"kind": "slow links"})
    act_once(program, "the fault to stand", "stands")
    assert list(cluster.faults())
    lab.tasks.close()
    assert list(cluster.faults()) == []
    assert program.post("/api/v1/faults", json={"kind": "slow links"}).status_code == 409


@pytest.mark.parametrize(
    ("path", "body", "field", "rule"),
    [
        ("faults", {"kind": "weather"}, "kind", "broker killed"),
        ("faults", {"kind": "rolling upgrade"}, "kind", "Unknown fault. Choose from: broker killed"),
        ("faults", {"kind": "broker killed", "target": "h9"}, "target", "Unknown target. Choose from: h1, h2, h3."),
        ("faults", {"kind": "slow links", "far_hosts": ["h9"]}, "far_hosts", "Unknown hosts. Choose from: h1"),
        ("faults", {"kind": "slow links", "far_hosts": ["h1"]}, "far_hosts", "A host has no link to itself."),
        ("faults", {"kind": "hub killed", "far_hosts": ["h1"]}, "far_hosts", "Unknown hosts. Choose from: –."),
        ("plan", {"transfers": 5_001}, "transfers", "5000"),
        ("plan", {"groups": ["upgrade"]}, "groups", "Unknown group. Choose from: brokers"),
        ("plan", {"faults_each": 0}, "faults_each", "1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    program: TestClient, path: str, body: dict[str, Any], field: str, rule: str
) -> None:
    answer = program.post(f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert rule in answer.text
    assert program.get("/api/v1/act").status_code == 404


def test_a_form_with_a_wrong_number_names_the_limit(browser: TestClient) -> None:
    csrf = csrf_of(browser.get("/").text)
    body = {"csrf_token": csrf, "seed": "1", "transfers": "0", "groups": "hubs"}
    answer = browser.post("/plan", data=body, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (422, "transfers must be a number from 1 to 5000.")
    portuguese = {"HX-Request": "true", "Accept-Language": "pt-BR"}
    answer = browser.post("/plan", data=body, headers=portuguese)
    assert answer.text == "transfers deve ser um número de 1 a 5000."
    answer = browser.post("/plan", data={"csrf_token": csrf, "groups": "weather"}, headers=portuguese)
    assert answer.text == "groups: escolha entre as opções da página."


@pytest.mark.parametrize(("language", "words"), [("en", "hub killed"), ("pt-BR", "hub morto")])
def test_the_page_is_small_and_in_both_languages(browser: TestClient, language: str, words: str) -> None:
    page = browser.get("/", headers={"Accept-Language": language})
    assert page.status_code == 200 and words in page.text
    assert len(page.content) <= PAGE_BYTES_MAX
    assert 'href="http://127.0.0.1:9/"' in page.text, "the hub's console"
    assert "style=" not in page.text and "onclick" not in page.text, "the policy allows neither"


def test_the_times_are_a_file(browser: TestClient) -> None:
    answer = browser.get("/times.json")
    assert answer.json() == {"faults": [], "kinds": []}
    assert "cluster-times.json" in answer.headers["content-disposition"]
