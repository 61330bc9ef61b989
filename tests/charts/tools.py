"""Helm, and the definitions of the custom resources from their projects: fetched once into the user's cache.

Helm and the definitions of CloudNativePG and KEDA come as Go modules, those of Strimzi from its jars by Maven.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from lab.network.parts.environment import home_folder

HERE: Final = Path(__file__).parent
CACHE_FOLDER: Final = Path(".cache/codepix/charts")
"""In the user's home."""
HELM: Final = "helm.sh/helm/v3/cmd/helm@v3.22.0"
MODULES: Final = {
    "github.com/cloudnative-pg/cloudnative-pg@v1.30.0": ("postgresql.cnpg.io_clusters.yaml",),
    "github.com/kedacore/keda/v2@v2.21.0": ("keda.sh_scaledobjects.yaml", "keda.sh_triggerauthentications.yaml"),
}
"""Modules, and the files that are read of their config/crd/bases."""
STRIMZI_GENERATOR: Final = "io.strimzi.crdgenerator.CrdGenerator"
STRIMZI_MODEL: Final = "io.strimzi.api.kafka.model"
STRIMZI_KINDS: Final = ("kafka.Kafka", "nodepool.KafkaNodePool", "topic.KafkaTopic", "user.KafkaUser")
BUILD_SECONDS_MAX: Final = 900.0

Definitions = Mapping[tuple[str, str], Mapping[str, Any]]
"""The JSON schema of a custom resource by apiVersion and kind."""


def why_not() -> str | None:
    """What is missing here for the checks of the charts; None when they can run."""
    missing = [name for name in ("go", "java", "mvn") if shutil.which(name) is None]
    return f"{' and '.join(missing)} is not on the PATH" if missing else None


def helm() -> Path:
    """The program, built from its module."""

    def build(folder: Path) -> None:
        _run(folder, "go", "install", HELM, GOBIN=str(folder))

    return _cached("helm", HELM, build) / "helm"


def definitions() -> Definitions:
    """The custom resources that the charts may use."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    files = [file for module, names in MODULES.items() for file in _files_of_module(module, names)]
    for file in [*files, *sorted(_strimzi().glob("*.yaml"))]:
        document = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        spec = document["spec"]
        for version in spec["versions"]:
            if version["served"]:
                kind = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[kind] = version["schema"]["openAPIV3Schema"]
    return found


def _files_of_module(module: str, names: tuple[str, ...]) -> list[Path]:
    folder = Path(json.loads(_run(HERE, "go", "mod", "download", "-json", module))["Dir"])
    return [folder / "config" / "crd" / "bases" / name for name in names]


def _strimzi() -> Path:
    """A folder with a definition for each kind, written by Strimzi's own program from its model."""
    project = HERE / "strimzi.xml"

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as jars:
            copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
            _run(folder, "mvn", "-q", "-B", "-f", str(project), copy, f"-DoutputDirectory={jars}")
            kinds = [f"{STRIMZI_MODEL}.{kind}={folder / kind.rpartition('.')[2]}.yaml" for kind in STRIMZI_KINDS]
            _run(folder, "java", "-cp", f"{jars}/*", STRIMZI_GENERATOR, "--yaml", *kinds)

    return _cached("strimzi", project.read_text(encoding="utf-8"), make)


def _cached(name: str, content: str, make: Callable[[Path], None]) -> Path:
    """A folder that appears whole or not at all, named by what it was made of."""
    folder = home_folder() / CACHE_FOLDER / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}.unfinished-") as workplace:
            unfinished = Path(workplace) / "made"
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


def _run(folder: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed: {done.stderr[-2_000:] or done.stdout[-2_000:]}")
    return done.stdout


if __name__ == "__main__":
    print(helm())
    print(", ".join(sorted(kind for _, kind in definitions())))
