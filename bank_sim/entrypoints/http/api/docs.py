"""The API's page for people, drawn from its own OpenAPI description; no script from elsewhere draws it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from pix.web.origins import public_url_of
from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does."""

    name: str
    method: str
    path: str
    summary: str
    parameters: tuple[tuple[str, str, bool, str], ...]
    """Name, place, whether it is required, description."""
    body: str
    """An example of the body as JSON; may be empty."""


@router.get("/api/docs")
@router.get("/docs")
def show(request: Request, pages: PagesOf) -> Response:
    """Every operation with its parameters and an example."""
    description = request.app.openapi()
    context = {"groups": operations_by_tag(description), "base_url": public_url_of(request)}
    return pages.page(request, "bank/api.html", context)


def operations_by_tag(description: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations of an OpenAPI description, by their first tag."""
    schemas = description.get("components", {}).get("schemas", {})
    groups: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, schemas))
    return groups


def _operation(path: str, method: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = schemas.get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    example = schema.get("example")
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("description", operation.get("summary", "")).replace("`", ""),
        parameters=tuple(
            (each["name"], each["in"], each.get("required", False), each.get("description", ""))
            for each in operation.get("parameters", ())
        ),
        body=json.dumps(example, ensure_ascii=False, indent=2) if example else "",
    )
