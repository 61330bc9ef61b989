"""Renders a chart, and says what is wrong with what it renders."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml

from tests.charts.tools import Definitions, definitions, helm

CHARTS: Final = Path(__file__).parents[2] / "charts"
KUBERNETES_VERSION: Final = "1.34"
RENDER_SECONDS_MAX: Final = 60.0
BUILT_IN_GROUP: Final = re.compile(r"(v1|apps/v1|batch/v1|policy/v1|networking\.k8s\.io/v1)")

Document = dict[str, Any]


def lint(chart: str, *options: str) -> str:
    """What `helm lint --strict` says; raises `CalledProcessError` when it finds a fault."""
    return _helm("lint", "--strict", str(CHARTS / chart), *options)


def render(chart: str, release: str, *options: str) -> list[Document]:
    """The documents of a release, hooks among them."""
    text = _helm("template", release, str(CHARTS / chart), *options)
    return [document for document in yaml.safe_load_all(text) if document]


def values_of(chart: str, cluster: bool) -> Sequence[str]:
    """The options that choose the values for one node or for many."""
    return (f"--values={CHARTS / chart / 'values-cluster.yaml'}",) if cluster else ()


def faults_of(document: Document) -> list[str]:
    """What Kubernetes, or the project of a custom resource, would refuse; a kind that is unknown is a fault."""
    name = f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
    if BUILT_IN_GROUP.fullmatch(document["apiVersion"]):
        try:
            kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            return [f"{name}: {'.'.join(map(str, error.path))}: {error.message[:300]}"]
        return []
    schema = _definitions().get((document["apiVersion"], document["kind"]))
    if schema is None:
        return [f"{name}: no project defines {document['apiVersion']} {document['kind']}"]
    validator = jsonschema.Draft202012Validator(_strict(schema))
    return [
        f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(document)
    ]


@cache
def _definitions() -> Definitions:
    return definitions()


def _helm(*arguments: str) -> str:
    command = [str(helm()), *arguments, f"--kube-version={KUBERNETES_VERSION}.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RENDER_SECONDS_MAX, check=False)
    if done.returncode:
        raise AssertionError(f"helm {arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def _strict(schema: Mapping[str, Any], *, is_root: bool = True) -> dict[str, Any]:
    """The schema as an API server with strict field validation applies it: unknown fields are faults."""
    kept = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if schema.get("x-kubernetes-int-or-string"):
        kept.pop("type", None)
        kept["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "properties" in schema:
        kept["properties"] = {name: _strict(each, is_root=False) for name, each in schema["properties"].items()}
        if is_root:
            # Kubernetes itself defines the metadata of every kind.
            kept["properties"]["metadata"] = {"type": "object"}
        if "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            kept[name] = _strict(schema[name], is_root=False)
    return kept


def named(documents: Sequence[Document], kind: str) -> Iterator[Document]:
    """The documents of one kind."""
    return (document for document in documents if document["kind"] == kind)
