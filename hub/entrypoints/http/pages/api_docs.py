"""The REST API for people, from its own OpenAPI document: no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False)

_METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    kind: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    description: str
    parameters: tuple[Parameter, ...]
    answer: str
    """The name of the document that comes."""


@router.get("/api/docs")
def show_docs(request: Request, pages: PagesOf) -> Response:
    document = request.app.openapi()
    groups: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                groups.setdefault(operation.get("tags", ["others"])[0], []).append(_operation(method, path, operation))
    context = {"groups": groups, "description": document["info"]["description"], "section": "/api/docs"}
    return pages.page(request, "hub/api.html", context)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Operation:
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    return Operation(
        method=method.upper(),
        path=path,
        description=operation.get("description", ""),
        parameters=tuple(
            Parameter(
                each["name"],
                each["in"],
                _kind(each["schema"]),
                each.get("description", ""),
                each.get("required", False),
            )
            for each in operation.get("parameters", ())
        ),
        answer=_kind(content.get("schema", {})),
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", ""))
