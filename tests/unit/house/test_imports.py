"""Importing a module opens nothing, starts nothing, and says nothing."""

import subprocess
import sys
from pathlib import Path

from tests.unit.house.repository import ROOT, SHIPPED_PACKAGES

IMPORT_DEADLINE_SECONDS = 120
# The frame of SQLAlchemy's migrations runs on import, by its own design.
RUN_ON_IMPORT = ("env", "__main__")

GUARD = """
import importlib, sys, threading

FORBIDDEN = {
    "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto",
    "subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "sqlite3.connect",
}

def guard(event, arguments):
    if event in FORBIDDEN or event == "open" and arguments[1] is not None and set(str(arguments[1])) & set("wax+"):
        raise AssertionError(f"{event} {arguments!r}")

sys.dont_write_bytecode = True
threads = threading.active_count()
sys.addaudithook(guard)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        sys.exit(f"importing {name}: {type(error).__name__}: {error}")
    if threading.active_count() != threads:
        sys.exit(f"importing {name} starts a thread")
"""


def modules(package: str, root: Path = ROOT) -> list[str]:
    """The modules of a package, without those that run when they are imported, and without migrations."""
    paths = sorted((root / package).rglob("*.py"))
    names = [path.relative_to(root).with_suffix("").parts for path in paths if "versions" not in path.parts]
    return [".".join(parts).removesuffix(".__init__") for parts in names if parts[-1] not in RUN_ON_IMPORT]


def import_all(names: list[str], root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Imports the modules in a process of their own, in a folder without meaning to them and without settings."""
    return subprocess.run(
        [sys.executable, "-c", GUARD, *names],
        cwd="/",
        env={"PYTHONPATH": f"{root}:{root / 'protos'}", "PATH": "/nonexistent", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=IMPORT_DEADLINE_SECONDS,
    )


def test_importing_any_module_opens_nothing() -> None:
    # locust's people replace the standard library's sockets on import, so they are imported last.
    names = [name for package in sorted(SHIPPED_PACKAGES, key="loadtest".__eq__) for name in modules(package)]
    assert len(names) > 20
    finished = import_all(names)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""


def test_the_guard_notices_what_it_is_there_for(tmp_path: Path) -> None:
    planted = {
        "connects": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "starts_a_program": "import subprocess\nsubprocess.run(['true'])",
        "starts_a_thread": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "writes": "open('/tmp/codepix-planted', 'w')",
    }
    (tmp_path / "planted").mkdir()
    for name, source in planted.items():
        (tmp_path / "planted" / f"{name}.py").write_text(source, encoding="utf-8")
    assert len(modules("planted", tmp_path)) == len(planted)
    for name in modules("planted", tmp_path):
        finished = import_all([name], tmp_path)
        assert finished.returncode == 1
        assert f"importing {name}" in finished.stderr
