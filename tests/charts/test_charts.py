"""The charts for Kubernetes: what they render is valid, for one node and for many, and the two fit each other."""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest

from tests.charts.checking import Document, faults_of, lint, named, render, values_of

pytestmark = [pytest.mark.prove, pytest.mark.charts]

APPLICATION: Final = "codepix"
DATA: Final = "codepix-data"
SIZES: Final = pytest.mark.parametrize("cluster", [False, True], ids=["one-node", "many-nodes"])


def rendered(chart: str, cluster: bool) -> list[Document]:
    return render(chart, chart, *values_of(chart, cluster))


@SIZES
@pytest.mark.parametrize("chart", [APPLICATION, DATA])
def test_helm_and_the_definitions_find_no_fault(chart: str, cluster: bool) -> None:
    assert "0 chart(s) failed" in lint(chart, *values_of(chart, cluster))
    documents = rendered(chart, cluster)
    assert documents
    assert [fault for document in documents for fault in faults_of(document)] == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "fault"),
    [
        ("KafkaNodePool", ("spec", "replicaz"), 3, "replicaz"),
        ("KafkaTopic", ("spec", "partitions"), "twelve", "twelve"),
        ("Cluster", ("spec", "postgresql", "synchronous", "method"), "sometimes", "sometimes"),
        ("Kafka", ("kind",), "Kafkas", "no project defines"),
    ],
)
def test_a_mistake_in_a_custom_resource_is_found(kind: str, path: tuple[str, ...], value: Any, fault: str) -> None:
    document = copy.deepcopy(next(named(rendered(DATA, cluster=True), kind)))
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    (found,) = faults_of(document)
    assert fault in found


def test_a_mistake_in_a_scaled_object_and_in_a_deployment_is_found() -> None:
    documents = rendered(APPLICATION, cluster=True)
    scaled, deployment = (next(named(documents, kind)) for kind in ("ScaledObject", "Deployment"))
    scaled["spec"]["maxReplicas"] = 3
    deployment["spec"]["template"]["spec"]["container"] = []
    assert "maxReplicas" in faults_of(scaled)[0]
    assert "container" in faults_of(deployment)[0]


@SIZES
def test_every_secret_and_topic_that_the_application_names_is_made_by_the_data(cluster: bool) -> None:
    application, data = rendered(APPLICATION, cluster), rendered(DATA, cluster)
    # By their operators' rules: <cluster>-app has a database's address, <user> a password, <cluster>-cluster-ca-cert.
    made = {f"{each['metadata']['name']}-app" for each in named(data, "Cluster")}
    made |= {each["metadata"]["name"] for each in named(data, "KafkaUser")}
    made |= {f"{each['metadata']['name']}-cluster-ca-cert" for each in named(data, "Kafka")}
    made |= {each["metadata"]["name"] for each in named(application, "Secret")}
    participants = [f"{APPLICATION}-{name}" for name in ("hub", "bank-001", "bank-002", "bank-003")]
    # With many nodes an operator makes the participants' secrets before.
    assert _secrets_of(application) - made == (set(participants) if cluster else set())
    topics = {
        trigger["metadata"]["topic"]
        for each in named(application, "ScaledObject")
        for trigger in each["spec"]["triggers"]
    }
    assert topics == ({each["metadata"]["name"] for each in named(data, "KafkaTopic")} if cluster else set())


def _secrets_of(documents: list[Document]) -> set[str]:
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if "secretKeyRef" in value:
                found.add(value["secretKeyRef"]["name"])
            if "secretName" in value:
                found.add(value["secretName"])
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look(documents)
    return found


@SIZES
def test_no_process_has_rights_that_it_does_not_need(cluster: bool) -> None:
    documents = rendered(APPLICATION, cluster)
    workloads = [*named(documents, "Deployment"), *named(documents, "Job")]
    assert workloads
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_many_nodes_survive_the_loss_of_one() -> None:
    application, data = rendered(APPLICATION, cluster=True), rendered(DATA, cluster=True)
    parts = [f"{APPLICATION}-{name}" for name in ("hub", "bank-001", "bank-002", "bank-003")]
    budgets = {each["metadata"]["name"]: each["spec"] for each in named(application, "PodDisruptionBudget")}
    assert {name: budget["maxUnavailable"] for name, budget in budgets.items()} == dict.fromkeys(parts, 1)
    for scaled in named(application, "ScaledObject"):
        assert scaled["spec"]["minReplicaCount"] >= 2
    for topic in named(data, "KafkaTopic"):
        assert (topic["spec"]["replicas"], topic["spec"]["config"]["min.insync.replicas"]) == (3, 2)
    for cluster in named(data, "Cluster"):
        assert cluster["spec"]["instances"] == 3
        assert cluster["spec"]["postgresql"]["synchronous"]["dataDurability"] == "required"
    for migration in named(application, "Job"):
        assert migration["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
