"""What a network keeps in its folder is its owner's alone, and only such a folder is ever removed."""

from __future__ import annotations

import json
import shutil
import socket
import stat
from pathlib import Path

import pytest

from lab.network.network import (
    DEMO_BANKS,
    MARKER_FILE,
    Network,
    NetworkSettings,
    keep_logs,
    network_folder,
    remove_network,
    write_privately,
)
from lab.network.parts.errors import FolderUnusable, PartError, PortInUse
from lab.network.parts.ports import free_port


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_privately(file, "first")
    write_privately(file, "second")
    assert file.read_text() == "second"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_only_a_networks_folder_is_removed(tmp_path: Path) -> None:
    remove_network(tmp_path / "absent")
    (tmp_path / "thesis").write_text("mine")
    with pytest.raises(PartError, match="is not a folder of CodePix"):
        remove_network(tmp_path)
    assert (tmp_path / "thesis").exists()
    (tmp_path / MARKER_FILE).write_text(json.dumps({}))
    remove_network(tmp_path)
    assert not tmp_path.exists()


def test_a_network_with_the_books_of_more_banks_is_not_started_with_fewer(tmp_path: Path) -> None:
    books = {"banks": {f"{number:03d}": "a secret" for number in range(1, 6)}}
    write_privately(tmp_path / MARKER_FILE, json.dumps(books))
    with pytest.raises(FolderUnusable, match=r"--banks: .* has the books of bank 005 .* Start at least 5 banks"):
        Network(NetworkSettings(folder=tmp_path, banks=DEMO_BANKS[:2])).start()


def test_a_folder_to_keep_must_be_empty(tmp_path: Path) -> None:
    with network_folder(tmp_path / "new") as folder:
        assert folder == tmp_path / "new"
    assert folder.is_dir()
    with network_folder(None) as temporary:
        assert temporary.is_dir()
    assert not temporary.exists()
    with pytest.raises(PartError, match="is not an empty folder"), network_folder(tmp_path):
        pass


def test_what_was_logged_can_be_kept(tmp_path: Path) -> None:
    for name in ("logs/hub.log", "kafka/apache-kafka.log", "kafka/log/topic-0/00000000.log", "kafka/server.properties"):
        file = tmp_path / "net" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"of {name}")
    kept = keep_logs(tmp_path / "net")
    try:
        assert {file.name: file.read_text() for file in kept.iterdir()} == {
            "hub.log": "of logs/hub.log",
            "apache-kafka.log": "of kafka/apache-kafka.log",
        }
    finally:
        shutil.rmtree(kept)


def test_a_port_in_use_is_found_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"Port {port}.*the hub's console.*--hub-port"):
            Network(NetworkSettings(folder=tmp_path / "net", hub_port=port))
    assert not (tmp_path / "net").exists()


def test_one_port_for_two_services_is_refused(tmp_path: Path) -> None:
    port = free_port()
    settings = NetworkSettings(folder=tmp_path / "net", hub_port=port, hub_grpc_port=port)
    with pytest.raises(PortInUse, match=f"Port {port} is wanted for the hub's console and for the hub's gRPC"):
        Network(settings)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        FolderUnusable, match=r"^--folder: the folder .*/file/data cannot be written: Not a directory\."
    ):
        Network(NetworkSettings(folder=tmp_path / "file" / "data")).start()
