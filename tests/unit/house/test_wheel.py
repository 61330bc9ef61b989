"""The wheel has everything that the checkout runs with, and works from any folder."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT, SHIPPED_PACKAGES, files, scripts

FIND_EVERYTHING = """
from pathlib import Path
import bank_sim, hub, lab, loadtest, pix
from codepix.v1 import directory_pb2_grpc
from lab.network.parts.apache_kafka import kafka_version
from pix.web.folders import templates_folder
installed = Path(INSTALLED)
for package in (bank_sim, hub, lab, loadtest, pix, directory_pb2_grpc):
    assert installed in Path(package.__file__).parents, package.__file__
assert installed in templates_folder().parents
assert kafka_version()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, as an installation would have it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, cwd=folder)
    (wheel,) = folder.glob("codepix-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs code that sees the wheel and our dependencies, but not the checkout: -S leaves the editable install out."""
    path = os.pathsep.join([str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    return subprocess.run(
        [sys.executable, "-S", "-c", code, *arguments],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def test_nothing_is_left_behind(installed: Path) -> None:
    shipped = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    wanted = {str(path) for path in files() if path.parts[0] in SHIPPED_PACKAGES}
    wanted |= {str(path.relative_to("protos")) for path in files() if path.parts[:2] == ("protos", "codepix")}
    wanted |= {str(Path("pix/_templates", *path.parts[1:])) for path in files() if path.parts[0] == "templates"}
    assert len(wanted) > 50
    assert wanted - shipped == set()
    assert {name for name in shipped - wanted if ".dist-info/" not in name} == set()


def test_everything_is_found_from_another_folder(installed: Path, tmp_path: Path) -> None:
    finished = run(installed, tmp_path, f"INSTALLED = {str(installed)!r}\n{FIND_EVERYTHING}")
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("script", sorted(scripts()))
def test_the_commands_start_from_another_folder(installed: Path, tmp_path: Path, script: str) -> None:
    module, function = scripts()[script].split(":")
    finished = run(installed, tmp_path, f"import {module}; {module}.{function}()", "--help")
    assert finished.returncode == 0, finished.stderr
    assert "serve" in finished.stdout or "demo" in finished.stdout
