"""A real Apache Kafka without Docker: its own jars, fetched once with Maven, run by Java in KRaft mode on loopback."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lab.network.parts.broker import Broker
from lab.network.parts.environment import home_folder, inherited, inherited_by_maven, prepare_folder
from lab.network.parts.errors import PartError, PartMissing, PartNotReady
from lab.network.parts.ports import LOOPBACK, check_port_free, free_port
from lab.network.parts.process import run_to_the_end, wait_until
from pix.runtime.addresses import join_host_port

__all__ = [
    "ApacheKafkaBroker",
    "ApacheKafkaSettings",
    "PartMissing",
    "fetch_jars",
    "find_java",
    "format_options",
    "java_and_maven_available",
    "new_cluster_id",
    "shared_properties",
    "write_properties",
]

POM_PACKAGE = "lab.network.apache_kafka"
POM_FILE = "pom.xml"
POM_NAMESPACE = "{http://maven.apache.org/POM/4.0.0}"
CACHE_FOLDER = Path(".cache/codepix")
"""In the user's home."""
JAVA_VERSION_MIN = 17

FETCH_DEADLINE_SECONDS = 600.0
JAVA_VERSION_DEADLINE_SECONDS = 30.0
FORMAT_DEADLINE_SECONDS = 60.0
START_DEADLINE_SECONDS = 120.0
STOP_GRACE_SECONDS = 10.0
METADATA_TIMEOUT_SECONDS = 0.5
START_ATTEMPT_POLL_SECONDS = 0.05

PLAIN_LISTENER = "PLAINTEXT"
SASL_LISTENER = "SASL_PLAINTEXT"
PARTITIONS_PER_TOPIC = 4
INTERNAL_TOPIC_PARTITIONS = 4
# After SIGKILL the controller refuses the broker's new life until the session of the old one has run out, so the
# default of 9 s would be added to each such restart. Much less, and a busy machine would look like a dead broker.
SESSION_TIMEOUT_MILLISECONDS = 2_000
HEARTBEAT_MILLISECONDS = 250
# The default of 128 MiB would be a quarter of the heap, and nothing here is compacted but the committed offsets.
CLEANER_BUFFER_BYTES = 4 * 1024 * 1024


def sasl_client(user: str, password: str) -> dict[str, str]:
    return {
        "security.protocol": SASL_LISTENER,
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


@dataclass(frozen=True)
class ApacheKafkaSettings:
    """Settings of the Java process.

    `first_compiler_only` (-XX:TieredStopAtLevel=1) saves about half a second of start, and costs throughput for as
    long as the broker runs: for tests that start brokers, never for a benchmark.
    """

    heap_megabytes: int = 512
    first_compiler_only: bool = False
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By user: with any, clients sign in with SASL/PLAIN, and may do what the ACLs say; the first may do everything."""

    def java_options(self) -> list[str]:
        return [
            f"-Xmx{self.heap_megabytes}m",
            *(["-XX:TieredStopAtLevel=1"] if self.first_compiler_only else []),
            "-XX:+ExitOnOutOfMemoryError",
            "-Xshare:auto",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
        ]


def kafka_version() -> str:
    """The version of Apache Kafka that our pom.xml names, which is the one place that names it."""
    pom = ElementTree.fromstring(resources.files(POM_PACKAGE).joinpath(POM_FILE).read_text(encoding="utf-8"))
    version = pom.findtext(f"{POM_NAMESPACE}properties/{POM_NAMESPACE}kafka.version")
    if version is None:
        raise PartError(f"{POM_FILE} of {POM_PACKAGE} names no kafka.version.")
    return version


def java_and_maven_available(cache_folder: Path | None = None) -> str | None:
    """None when Apache Kafka can be run here, or else the reason why not, in one line.

    Maven is asked for only while the jars are not in the cache.
    """
    try:
        find_java()
        if not _jars_folder(cache_folder).is_dir():
            _maven()
    except PartMissing as missing:
        return str(missing)
    return None


def fetch_jars(cache_folder: Path | None = None) -> Path:
    """The folder with the jars: `cache_folder`, by default ~/.cache/codepix/kafka-<version>.

    Maven fetches them when the folder is not there: some 45 MB, once. The folder appears whole or not at all. Raises
    `PartMissing` when there is no Maven, or when Maven fails.
    """
    folder = _jars_folder(cache_folder)
    if folder.is_dir():
        return folder
    maven = _maven()
    # Maven may come with a wrapper that brings no Java.
    find_java()
    prepare_folder(folder.parent, "HOME")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.unfinished-") as workplace:
        pom = Path(workplace) / POM_FILE
        pom.write_bytes(resources.files(POM_PACKAGE).joinpath(POM_FILE).read_bytes())
        unfinished = Path(workplace) / "jars"
        _run_maven(maven, pom, unfinished)
        # Renaming onto a folder with something in it fails, so of two downloads at the same time the first one stays.
        with contextlib.suppress(OSError):
            unfinished.rename(folder)
    if not folder.is_dir():
        raise PartError(f"The jars of Apache Kafka could not be put into {folder}.")
    return folder


def _run_maven(maven: str, pom: Path, destination: Path) -> None:
    command = [maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={destination}"]
    log_file = pom.with_name("maven.log")
    what_failed = f"Apache Kafka {kafka_version()} is missing, and Maven could not fetch it"
    try:
        run_to_the_end(
            "maven",
            command,
            inherited_by_maven(),
            log_file,
            deadline_seconds=FETCH_DEADLINE_SECONDS,
            working_folder=pom.parent,
        )
    except PartNotReady:
        raise PartMissing(f"{what_failed} in {FETCH_DEADLINE_SECONDS:g} seconds.") from None
    except PartError:
        lines = [line for line in log_file.read_text(errors="replace").splitlines() if line.strip()]
        # Java's own complaints, about its options for instance, have no mark.
        complaints = [line for line in lines if "ERROR" in line] or lines[-1:]
        raise PartMissing(f"{what_failed}: {complaints[0] if complaints else 'it gave no reason.'}") from None
    if not any(destination.glob("kafka_*.jar")):
        raise PartMissing(f"{what_failed}: it put no broker into {destination}.")


def _jars_folder(cache_folder: Path | None) -> Path:
    folder = home_folder() / CACHE_FOLDER / f"kafka-{kafka_version()}" if cache_folder is None else cache_folder
    return folder.expanduser().absolute()


def _maven() -> str:
    maven = shutil.which("mvn")
    if maven is None:
        raise PartMissing("Apache Kafka needs Maven to fetch its jars, and there is no mvn on the PATH.")
    return maven


def find_java() -> str:
    """The Java to run, after a look at its version: JAVA_HOME's when that is set, else the one on the PATH."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise PartMissing(f"Apache Kafka needs Java {JAVA_VERSION_MIN} or later, and there is no java {where}.")
    try:
        finished = subprocess.run(
            [java, "-version"],
            env=inherited(),
            capture_output=True,
            text=True,
            timeout=JAVA_VERSION_DEADLINE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PartMissing(f"Apache Kafka needs Java {JAVA_VERSION_MIN} or later, and {java} does not run.") from error
    version = re.search(r'version "(\d+)', finished.stderr + finished.stdout)
    # macOS has a java that only says where to get one.
    if finished.returncode != 0 or version is None:
        raise PartMissing(f"Apache Kafka needs Java {JAVA_VERSION_MIN} or later, and {java} is none.")
    if int(version.group(1)) < JAVA_VERSION_MIN:
        raise PartMissing(
            f"Apache Kafka needs Java {JAVA_VERSION_MIN} or later, and {java} is version {version.group(1)}."
        )
    return java


def shared_properties(*, replication: int, in_sync_min: int) -> dict[str, str | int]:
    """What a broker of the lab is set to, alone or one of several: how many have a copy, and how many acknowledge."""
    return {
        "auto.create.topics.enable": "true",
        "num.partitions": PARTITIONS_PER_TOPIC,
        "default.replication.factor": replication,
        "min.insync.replicas": in_sync_min,
        "offsets.topic.num.partitions": INTERNAL_TOPIC_PARTITIONS,
        "offsets.topic.replication.factor": replication,
        "transaction.state.log.num.partitions": INTERNAL_TOPIC_PARTITIONS,
        "transaction.state.log.replication.factor": replication,
        "transaction.state.log.min.isr": in_sync_min,
        "share.coordinator.state.topic.num.partitions": INTERNAL_TOPIC_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": replication,
        "share.coordinator.state.topic.min.isr": in_sync_min,
        # A group of the lab has its members within a moment; waiting for more would delay each start by 3 s.
        "group.initial.rebalance.delay.ms": 0,
        "log.cleaner.dedupe.buffer.size": CLEANER_BUFFER_BYTES,
    }


def write_properties(file: Path, properties: Mapping[str, str | int]) -> None:
    """Writes what a broker reads at its start, for its owner alone: passwords may be in it."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def new_cluster_id() -> str:
    """In Kafka's own form; one with a leading dash would be read as an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)


def format_options(cluster_id: str, properties_file: Path) -> list[str]:
    """The Java class, and its arguments, that makes an empty log folder a broker's."""
    return ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", f"--config={properties_file}"]


class ApacheKafkaBroker(Broker):
    """One Apache Kafka, broker and controller in one process, with its log in `data_folder`.

    Kafka acknowledges a record once it is in the page cache (its default, which stands here too), so a record that
    was acknowledged survives SIGKILL of the broker, but need not survive the loss of the machine's power.
    """

    def __init__(
        self,
        data_folder: Path,
        port: int | None = None,
        *,
        settings: ApacheKafkaSettings | None = None,
        cache_folder: Path | None = None,
        name: str = "apache-kafka",
        port_option: str = "--kafka-port",
    ) -> None:
        """`port` is a free one by default. The port is the same in every life of this object, wiped or not.

        `port_option` is what a person would choose another port with, for the message when the port is in use.
        """
        super().__init__(name, STOP_GRACE_SECONDS)
        self.data_folder = data_folder.absolute()
        self._port = free_port() if port is None else port
        self._controller_port = free_port()
        self._port_option = port_option
        self._settings = settings or ApacheKafkaSettings()
        self._cache_folder = cache_folder
        self._log_folder = self.data_folder / "log"
        self._properties_file = self.data_folder / "server.properties"
        self._output_file = self.data_folder / "apache-kafka.log"

    @property
    def bootstrap_servers(self) -> str:
        return join_host_port(LOOPBACK, self._port)

    def start(self) -> None:
        """Starts the broker, over an empty log if there is none, and waits until a client sees it."""
        if self.is_running():
            raise PartError(f"{self.name} is running already, as process {self.pid}.")
        jars, java = fetch_jars(self._cache_folder), find_java()
        check_port_free(self._port, f"the broker {self.name}", self._port_option)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        write_properties(self._properties_file, self._properties())
        java_command = [java, *self._settings.java_options(), "-cp", f"{jars}/*"]
        if not (self._log_folder / "meta.properties").exists():
            self._format_storage(java_command)
        self._start_command(
            [*java_command, "kafka.Kafka", str(self._properties_file)],
            None,
            self._output_file,
            working_folder=self.data_folder,
        )
        wait_until(
            self._is_seen_by_a_client,
            START_DEADLINE_SECONDS,
            f"{self.name} to answer a client",
            children=[self],
            poll_seconds=START_ATTEMPT_POLL_SECONDS,
        )

    def wipe(self) -> None:
        """Kills the broker, removes its log, and starts it on the same port with an empty one."""
        self.kill()
        shutil.rmtree(self._log_folder, ignore_errors=True)
        self.start()

    def _properties(self) -> dict[str, str | int]:
        listener = SASL_LISTENER if self._settings.passwords else PLAIN_LISTENER
        controller = join_host_port(LOOPBACK, self._controller_port)
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"{listener}://{self.bootstrap_servers},CONTROLLER://{controller}",
            "advertised.listeners": f"{listener}://{self.bootstrap_servers}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": listener,
            "listener.security.protocol.map": f"{listener}:{listener},CONTROLLER:{listener}",
            "log.dirs": str(self._log_folder),
            **shared_properties(replication=1, in_sync_min=1),
            "broker.session.timeout.ms": SESSION_TIMEOUT_MILLISECONDS,
            "broker.heartbeat.interval.ms": HEARTBEAT_MILLISECONDS,
            **(self._sasl_properties() if self._settings.passwords else {}),
        }

    def _sasl_properties(self) -> dict[str, str | int]:
        user, password = self._first_user()
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        users = " ".join(f'user_{name}="{text}"' for name, text in self._settings.passwords.items())
        all_users = f'{module} required username="{user}" password="{password}" {users};'
        the_broker = f'{module} required username="{user}" password="{password}" user_{user}="{password}";'
        return {
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": all_users,
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": the_broker,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{user}",
            "allow.everyone.if.no.acl.found": "false",
        }

    def _first_user(self) -> tuple[str, str]:
        return next(iter(self._settings.passwords.items()))

    def _format_storage(self, java_command: list[str]) -> None:
        run_to_the_end(
            f"{self.name}-format",
            [*java_command, *format_options(new_cluster_id(), self._properties_file)],
            None,
            self._output_file,
            deadline_seconds=FORMAT_DEADLINE_SECONDS,
            working_folder=self.data_folder,
        )

    def _is_seen_by_a_client(self) -> bool:
        """True when the metadata has the broker in it, which it has once the controller lets it lead partitions."""
        sasl = sasl_client(*self._first_user()) if self._settings.passwords else {}
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0, **sasl})
        try:
            return bool(client.list_topics(timeout=METADATA_TIMEOUT_SECONDS).brokers)
        except KafkaException:
            return False
