"""A release has everything that the checkout runs with, and works from any folder."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT, SHIPPED_PACKAGES, files, project, scripts

VERSION = project()["project"]["version"]
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
ASK_TWICE = """
import contextlib, importlib, sys
command = getattr(importlib.import_module(MODULE), FUNCTION)
for option in ("--help", "--version"):
    sys.argv[1:] = [option]
    with contextlib.suppress(SystemExit):
        command()
"""


def build_release(folder: Path, *tag: str) -> subprocess.CompletedProcess[str]:
    """Runs `.ci/release` without images."""
    return subprocess.run(
        [ROOT / ".ci" / "release", *tag],
        check=False,
        env={**os.environ, "PYTHON": sys.executable, "DIST": str(folder), "IMAGES": "no"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of a release."""
    folder = tmp_path_factory.mktemp("release")
    finished = build_release(folder)
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def installed(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, as an installation would have it."""
    site = tmp_path_factory.mktemp("site")
    (wheel,) = release.glob("codepix-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


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
    finished = run(installed, tmp_path, f"MODULE, FUNCTION = {module!r}, {function!r}\n{ASK_TWICE}")
    assert finished.returncode == 0, finished.stderr
    assert "serve" in finished.stdout or "demo" in finished.stdout
    assert finished.stdout.endswith(f"codepix {VERSION}\n")


def test_a_release_has_files_of_one_version_with_license_notes_and_digests(release: Path, installed: Path) -> None:
    names = {f"codepix-{VERSION}.tar.gz", f"codepix-{VERSION}-py3-none-any.whl", f"codepix-{VERSION}-constraints.txt"}
    assert {path.name for path in release.iterdir()} == names | {"NOTES.md", "SHA256SUMS"}
    digests = dict(line.split()[::-1] for line in (release / "SHA256SUMS").read_text().splitlines())
    assert digests == {name: hashlib.sha256((release / name).read_bytes()).hexdigest() for name in names}
    assert "- " in (release / "NOTES.md").read_text(encoding="utf-8")

    about = installed / f"codepix-{VERSION}.dist-info"
    metadata = Parser().parsestr((about / "METADATA").read_text(encoding="utf-8"))
    assert (metadata["Version"], metadata["License-Expression"]) == (VERSION, "Apache-2.0")
    license_text = (ROOT / "LICENSE").read_bytes()
    assert (about / "licenses" / "LICENSE").read_bytes() == license_text
    with tarfile.open(release / f"codepix-{VERSION}.tar.gz") as archive:
        shipped = archive.extractfile(f"codepix-{VERSION}/LICENSE")
        assert shipped is not None and shipped.read() == license_text


def test_a_tag_of_another_version_makes_no_release(tmp_path: Path) -> None:
    finished = build_release(tmp_path, "v99.0.0")
    assert finished.returncode == 1
    assert finished.stderr == f"The tag v99.0.0 is not v{VERSION}, the version in pyproject.toml.\n"
    assert list(tmp_path.iterdir()) == []
