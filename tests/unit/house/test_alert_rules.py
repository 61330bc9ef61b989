"""Each alert comes when it should, and does not come when it should not, as Prometheus' own tool finds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.house.repository import ROOT

OBSERVE = ROOT / "lab" / "observe"
RULES = OBSERVE / "alerts.yml"
EXPECTED = Path(__file__).with_name("alerts.yml")


def promtool(*arguments: str | Path) -> None:
    """Asserts that the tool finds nothing wrong."""
    finished = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.prometheus
def test_every_alert_comes_when_it_should_and_only_then() -> None:
    promtool("test", "rules", EXPECTED)


@pytest.mark.prometheus
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    configuration = tmp_path / "prometheus.yml"
    text = (OBSERVE / "prometheus.yml").read_text(encoding="utf-8")
    assert "rule_files: [/etc/prometheus/alerts.yml]" in text
    configuration.write_text(text.replace("/etc/prometheus/alerts.yml", str(RULES)), encoding="utf-8")
    promtool("check", "config", configuration)


def test_every_alert_is_expected_once_and_awaited_once_in_vain() -> None:
    tests: list[dict[str, Any]] = yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))["tests"]
    expectations = [each for test in tests for each in test["alert_rule_test"]]
    come = {each["alertname"] for each in expectations if each["exp_alerts"]}
    stay_away = {each["alertname"] for each in expectations if not each["exp_alerts"]}
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert come == stay_away == {rule["alert"] for rule in rules}
