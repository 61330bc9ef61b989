"""The operations of a REST API for its page for people, from the API's own OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does."""

    name: str
    method: str
    path: str
    summary: str
    parameters: tuple[tuple[str, str, bool, str], ...]
    """Name, place, whether it is required, description."""
    kinds: Mapping[str, str]
    """The type of each parameter, by its name."""
    body: str
    """An example of the body as JSON; may be empty."""
    answer: str
    """The name of the document that comes; may be empty."""


def operations_by_tag(description: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations of an OpenAPI description, by their first tag."""
    schemas = description.get("components", {}).get("schemas", {})
    groups: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = operation.get("tags", ["others"])[0]
                groups.setdefault(tag, []).append(_operation(path, method, operation, schemas))
    return groups


def _operation(path: str, method: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = schemas.get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    example = schema.get("example")
    answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    parameters = operation.get("parameters", ())
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("description", operation.get("summary", "")),
        parameters=tuple(
            (each["name"], each["in"], each.get("required", False), each.get("description", "")) for each in parameters
        ),
        kinds={each["name"]: kind_of(each["schema"]) for each in parameters},
        body=json.dumps(example, ensure_ascii=False, indent=2) if example else "",
        answer=kind_of(answer.get("schema", {})),
    )


def kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(kind_of(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    return str(schema.get("type", ""))
