"""The folder of a network: temporary or kept, with its secrets and the hub's list of banks in it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.network.parts.environment import prepare_folder
from lab.network.parts.errors import FolderUnusable, PartError
from lab.network.settings import BankSpec

SECRET_BYTES: Final = 24
MARKER_FILE: Final = "codepix-network.json"
"""Holds the network's secrets, and shows that a folder is one of ours and may be removed."""


@dataclass(frozen=True, slots=True)
class NetworkSecrets:
    """The network's secrets; its folder keeps them in a file that only its owner can read."""

    banks: Mapping[str, str]
    """Each bank's secret, by code."""
    sessions: str
    operator: str


@contextmanager
def network_folder(keep: Path | None) -> Iterator[Path]:
    """A folder for a network of one run: `keep`, which must be new or empty and stays, or a temporary one."""
    if keep is None:
        prepare_folder(_temporary_folder(), "TMPDIR")
        with tempfile.TemporaryDirectory(prefix="codepix-lab-") as folder:
            yield Path(folder)
    else:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise PartError(f"{keep} is not an empty folder.")
        prepare_folder(keep, "--keep")
        yield keep


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        raise FolderUnusable("TMPDIR: no folder for temporary files can be written: set TMPDIR.") from None


def keep_logs(folder: Path) -> Path:
    """Copies what a network's parts have logged into a new folder, which stays when the network's is removed."""
    kept = Path(tempfile.mkdtemp(prefix="codepix-logs-"))
    # Not deeper: Kafka calls its records a log, too.
    for log_file in sorted(folder.glob("*/*.log")):
        shutil.copy(log_file, kept)
    return kept


def remove_network(folder: Path) -> None:
    """Removes a network's folder. Raises `PartError` when it holds something else."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / MARKER_FILE).exists():
        raise PartError(f"{folder} is not a folder of CodePix ({MARKER_FILE} is not in it), so it is left alone.")
    shutil.rmtree(folder)


def write_privately(file: Path, text: str) -> None:
    """Writes a file that only its owner can read, and never half of it."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    unfinished.replace(file)


def write_banks_file(folder: Path, banks: Sequence[BankSpec], network_secrets: NetworkSecrets) -> Path:
    """The file from which a new hub knows its banks, with their secrets in it."""
    file = folder / "banks.json"
    document = [
        {
            "code": spec.code,
            "name": spec.name,
            "color": spec.color,
            "secret": network_secrets.banks[spec.code],
            "settlement_funds": spec.settlement_funds_centavos,
        }
        for spec in banks
    ]
    write_privately(file, json.dumps(document, ensure_ascii=False, indent=2))
    return file


def new_secrets(banks: Sequence[BankSpec]) -> NetworkSecrets:
    """For a network that keeps none from an earlier start."""
    return NetworkSecrets(
        banks={spec.code: secrets.token_urlsafe(SECRET_BYTES) for spec in banks},
        sessions=secrets.token_urlsafe(SECRET_BYTES),
        operator=secrets.token_urlsafe(SECRET_BYTES),
    )
