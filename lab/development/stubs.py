"""Writes the Python stubs of `protos/`, or checks that the committed ones are fresh: `python -m lab.development.stubs`.

They are committed so that an installation needs no compiler. `--check` generates into a temporary folder and compares,
so that a changed .proto file, an edited stub and a stub whose .proto file is gone are all found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PROTOS_FOLDER: Final = Path(__file__).resolve().parents[2] / "protos"
STUB_PATTERNS: Final = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")
COMPILER_DEADLINE_SECONDS: Final = 120.0


class StubsNotGenerated(Exception):
    """The compiler refused; the text is what it said."""


def generate(protos: Path) -> Mapping[Path, bytes]:
    """The stubs of every .proto file below the folder, by path relative to it. Raises StubsNotGenerated."""
    sources = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    with tempfile.TemporaryDirectory(prefix="codepix-stubs-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=."]
        # The plugins stand beside our own interpreter; the environment need not be activated.
        plugins = [Path(sys.executable).parent / name for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
        command += [f"--plugin={plugin.name}={plugin}" for plugin in plugins]
        command += [f"--python_out={folder}", f"--grpc_python_out={folder}"]
        command += [f"--mypy_out=quiet:{folder}", f"--mypy_grpc_out=quiet:{folder}", *sources]
        finished = subprocess.run(
            command,
            cwd=protos,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMPILER_DEADLINE_SECONDS,
            check=False,
        )
        if finished.returncode != 0:
            raise StubsNotGenerated(finished.stderr.strip() or f"protoc ended with exit code {finished.returncode}")
        stubs = read_stubs(folder)
        # The compiler writes a gRPC stub for files without a service too, which is of no use.
        useless = {
            path.stem for path, stub in stubs.items() if path.name.endswith("_pb2_grpc.py") and b"Servicer" not in stub
        }
        return {path: stub for path, stub in stubs.items() if path.stem not in useless}


def read_stubs(folder: Path) -> Mapping[Path, bytes]:
    """The stubs that are in the folder, by path relative to it."""
    return {path.relative_to(folder): path.read_bytes() for pattern in STUB_PATTERNS for path in folder.rglob(pattern)}


def find_differences(fresh: Mapping[Path, bytes], present: Mapping[Path, bytes]) -> list[str]:
    """A line per stub that is missing, stale or without a .proto file, in order of the paths."""
    lines = []
    for path in sorted(fresh.keys() | present.keys()):
        if path not in present:
            lines.append(f"{path}: is missing")
        elif path not in fresh:
            lines.append(f"{path}: has no .proto file any more")
        elif fresh[path] != present[path]:
            lines.append(f"{path}: is not what its .proto file gives")
    return lines


def write_stubs(fresh: Mapping[Path, bytes], protos: Path) -> None:
    """Makes the folder's stubs equal to the fresh ones, and touches no other file."""
    for path in read_stubs(protos).keys() - fresh.keys():
        (protos / path).unlink()
    for path, content in fresh.items():
        (protos / path).write_bytes(content)


def main(arguments: list[str]) -> int:
    """Returns the exit code: 1 when `--check` found a difference or the compiler refused."""
    parser = argparse.ArgumentParser(prog="python -m lab.development.stubs", description="The Python stubs of protos/.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a stub is not fresh")
    options = parser.parse_args(arguments)
    try:
        fresh = generate(PROTOS_FOLDER)
    except StubsNotGenerated as error:
        print(error, file=sys.stderr)
        return 1
    differences = find_differences(fresh, read_stubs(PROTOS_FOLDER))
    if not options.check:
        write_stubs(fresh, PROTOS_FOLDER)
        print(f"{len(fresh)} stubs, {len(differences)} of them changed.")
        return 0
    for line in differences:
        print(f"protos/{line}; run: make stubs", file=sys.stderr)
    if not differences:
        print(f"{len(fresh)} stubs are fresh.")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
