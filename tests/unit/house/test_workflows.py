"""The workflows of .github: their scripts are valid, and call what the repository has."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.unit.house.repository import ROOT, files
from tests.unit.house.test_makefile import MAKEFILE

WORKFLOWS = {
    path.name: yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    for path in files()
    if path.parts[0] == ".github"
}
SCRIPTS = [
    pytest.param(step["run"], id=f"{name}-{job}-{number}")
    for name, workflow in WORKFLOWS.items()
    for job, described in workflow["jobs"].items()
    for number, step in enumerate(described["steps"])
    if "run" in step
]
RELEASE: dict[str, Any] = WORKFLOWS["release.yml"]["jobs"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_valid_and_calls_what_is_there(script: str) -> None:
    said = re.sub(r"\$\{\{.*?\}\}", "value", script)
    subprocess.run(["bash", "-n", "-c", said], check=True)
    ours = re.findall(r"(?:^|\s)(\.ci/[a-z]+)", said)
    assert [name for name in ours if not (ROOT / name).is_file()] == []
    assert all(f"\n{target}:" in MAKEFILE for target in re.findall(r"^make ([a-z]+)", said, re.MULTILINE))


def test_a_release_is_published_only_after_its_wheel_has_run_on_every_machine_that_the_readme_names() -> None:
    assert RELEASE["installed"]["needs"] == "build"
    assert RELEASE["publish"]["needs"] == "installed"
    assert RELEASE["package"]["needs"] == "publish"
    assert all("github.ref_type == 'tag'" in RELEASE[job]["if"] for job in ("publish", "package"))
    matrix = RELEASE["installed"]["strategy"]["matrix"]
    assert {machine.partition("-")[0] for machine in matrix["machine"]} == {"ubuntu", "macos"}
    assert any(machine.endswith("-arm") for machine in matrix["machine"])
    assert {"pipx", "uv"} == set(matrix["installer"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| {matrix['python'][0]} to {matrix['python'][-1]} | every package has a wheel |" in readme


def test_only_the_jobs_that_publish_may_write() -> None:
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}, name
    writing = {job for job, described in RELEASE.items() if "write" in described.get("permissions", {}).values()}
    assert writing == {"publish", "package"}
