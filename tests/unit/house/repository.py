"""The checkout as the tests of the house see it."""

from __future__ import annotations

import functools
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[3]
SHIPPED_PACKAGES: Final = ("pix", "hub", "bank_sim", "lab", "loadtest")
"""The packages of ours in the wheel, besides the stubs."""


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = (Path(name) for name in listed.split("\0") if name)
    return tuple(sorted({path for path in paths if (ROOT / path).is_file()}))


@functools.cache
def texts() -> Mapping[Path, str]:
    """The text of every file that is text, read once."""
    found = {}
    for path in files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode("utf-8")
    return found


@functools.cache
def project() -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def scripts() -> dict[str, str]:
    """The console scripts, with the function behind each."""
    return dict(project()["project"]["scripts"])
