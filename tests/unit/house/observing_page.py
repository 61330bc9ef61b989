"""Writes the generated tables of docs/: `python -m tests.unit.house.observing_page`.

The metrics of docs/observing.md come from the services' own registries, the settings of docs/settings.md from the
settings classes.
"""

from __future__ import annotations

import ast
import inspect
from enum import Enum

from pydantic.fields import FieldInfo

from bank_sim.bootstrap import Bank
from bank_sim.settings import BankSettings
from hub.bootstrap import Hub
from hub.settings import HubSettings
from pix.participant.settings import ServiceSettings
from pix.telemetry.metrics import Metrics
from tests.unit.house.repository import ROOT

OBSERVING = ROOT / "docs" / "observing.md"
SETTINGS = ROOT / "docs" / "settings.md"
BEGIN = "<!-- made from the services' own metrics -->"
END = "<!-- end of the metrics -->"
NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"


def metrics_of_hub() -> Metrics:
    """Of a hub that plays every role, though nothing is opened."""
    hub = Hub(HubSettings(database_url=NOWHERE))
    hub.telemetry.metrics.watch_lag(hub.lag)
    return hub.telemetry.metrics


def metrics_of_bank() -> Metrics:
    """The same of a bank."""
    bank = Bank(BankSettings(database_url=NOWHERE, bank_code="001", bank_name="Banco", bank_secret="s" * 16))
    bank.telemetry.metrics.watch_lag(bank.lag)
    return bank.telemetry.metrics


def metrics_table() -> str:
    """Each metric of ours once: who has it, of what kind it is, its labels, and what it says."""
    hub, bank = metrics_of_hub().families(), metrics_of_bank().families()
    lines = ["| metric | kind | labels | of | meaning |", "|---|---|---|---|---|"]
    for name in sorted(hub | bank):
        kind, labels, documentation = (hub | bank)[name]
        owners = "both" if name in hub and name in bank else "hub" if name in hub else "bank"
        shown = ", ".join(f"`{label}`" for label in labels)
        lines.append(f"| `{name}` | {kind} | {shown} | {owners} | {documentation} |")
    return "\n".join([BEGIN, *lines, END])


def with_metrics(page: str) -> str:
    """The page with the metrics as they are."""
    before, rest = page.split(BEGIN)
    return before + metrics_table() + rest.split(END)[1]


def _sentences(settings_class: type) -> dict[str, str]:
    """What stands below each field of the class, for people."""
    (tree,) = ast.parse(inspect.getsource(settings_class)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if value is None or value == "":
        return "empty" if value == "" else "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _rows(settings_class: type[ServiceSettings], names: list[str]) -> list[str]:
    sentences = _sentences(ServiceSettings) | _sentences(settings_class)
    fields = settings_class.model_fields
    return [f"| `{name.upper()}` | {_default(name, fields[name])} | {sentences.get(name, '')} |" for name in names]


def settings_page() -> str:
    """The whole page."""
    common = list(ServiceSettings.model_fields)
    lines = [
        "# Settings",
        "",
        "Each process reads its settings from the environment at its start. It prints a line for each missing or wrong",
        "setting and ends with exit code 2. A file can hold the value of `NAME` if `NAME_FILE` names it, which suits",
        "secrets. `.env.example` explains the variables of `docker-compose.yml`.",
        "",
        "The settings classes are the source of this page: `python -m tests.unit.house.observing_page`.",
    ]
    for title, settings_class, names in (
        ("Hub and banks", HubSettings, common),
        ("Only the hub", HubSettings, [name for name in HubSettings.model_fields if name not in common]),
        ("Only banks", BankSettings, [name for name in BankSettings.model_fields if name not in common]),
    ):
        lines += ["", f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
        lines += _rows(settings_class, names)
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    OBSERVING.write_text(with_metrics(OBSERVING.read_text(encoding="utf-8")), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
