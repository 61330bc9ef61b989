"""The HTML files that a load run and the benchmark write."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    environment = Environment(loader=PackageLoader("loadtest"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(values)
