"""The variables that children of the lab inherit from the caller's environment; they inherit no others.

What a user has exported for other work (a port, a proxy, options of PostgreSQL or Java, a Python path) must not reach
a network of the lab. The settings of hub and banks come from the lab alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from lab.network.parts.errors import FolderUnusable, PartMissing

INHERITED: Final[Mapping[str, str]] = {
    "PATH": "where programs such as Java and Maven are found",
    "HOME": "where Java and Python keep caches; without it they ask for the user's entry, which may be missing",
    "TMPDIR": "where temporary files may be written, and where the lab itself writes them",
    "LANG": "in which encoding programs write",
    "LC_ALL": "the same",
    "LC_CTYPE": "the same",
    "JAVA_HOME": "which Java runs Apache Kafka, and Maven",
    "SSL_CERT_FILE": "whose certificates OpenSSL believes, on machines that keep them in another place",
    "SSL_CERT_DIR": "the same",
    "LD_LIBRARY_PATH": "where a Python or a Java that is not the system's finds its own libraries",
    "DYLD_LIBRARY_PATH": "the same on macOS",
    "DYLD_FALLBACK_LIBRARY_PATH": "the same on macOS",
}
"""Each variable, with the reason."""

DOCKER_PREFIXES: Final = ("DOCKER_", "BUILDKIT_", "BUILDX_", "CONTAINERD_", "XDG_")
"""Where the daemon is, and how its client is set up."""
PROXIES: Final = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
"""In either case: for what fetches from the internet."""
LIBPQ_PREFIX: Final = "PG"


def inherited() -> dict[str, str]:
    """The environment of a child before its own variables."""
    return {**_chosen(INHERITED), **_own_import_path()}


def inherited_by_docker() -> dict[str, str]:
    """That of Docker's programs, and of apt, which fetch from the internet.

    Compose puts variables of its environment into docker-compose.yml, so that it must not see those of a shell.
    """
    by_prefix = (name for name in os.environ if name.startswith(DOCKER_PREFIXES))
    return {**inherited(), **_chosen(by_prefix), **_chosen(name for name in os.environ if name.lower() in PROXIES)}


def inherited_by_maven() -> dict[str, str]:
    """Everything: Maven fetches from the internet by the user's own settings.xml, which may name any variable."""
    return dict(os.environ)


def home_folder() -> Path:
    """The user's own folder. Raises `PartMissing` for a user id without a name, whose HOME is not set either."""
    try:
        return Path.home()
    except RuntimeError:
        raise PartMissing("HOME is not set, and this user has no name that would tell its folder: set HOME.") from None


def prepare_folder(folder: Path, option: str) -> None:
    """Makes a folder unless it is there, and writes into it. Raises `FolderUnusable`, which names the option."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"the folder {folder} cannot be written: {error.strerror}"
        raise FolderUnusable(f"{option}: {reason}. Choose another one with {option}.") from None


def forget_libpq_variables() -> None:
    """Removes PGOPTIONS, PGSERVICE and the like from this process, whose connections libpq would else add them to.

    For a process that speaks to the lab's own PostgreSQL.
    """
    for name in [name for name in os.environ if name.startswith(LIBPQ_PREFIX)]:
        del os.environ[name]


def _chosen(names: Iterable[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _own_import_path() -> dict[str, str]:
    """Where our own packages lie, for a checkout that is not installed and that PYTHONPATH makes known."""
    root = str(Path(__file__).resolve().parents[3])
    stubs = str(Path(root) / "protos")
    listed = [str(Path(entry).resolve()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    own = [entry for entry in (root, stubs) if entry in listed]
    return {"PYTHONPATH": os.pathsep.join(own)} if own else {}
