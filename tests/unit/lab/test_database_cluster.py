"""A database cluster: what it says where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.network.cluster.database import DatabaseCluster
from lab.network.parts.errors import PartMissing
from tests.support.local_hosts import local_hosts


def test_without_etcd_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PartMissing, match=r"^etcd is missing: install Debian's package etcd-server\.$"):
        DatabaseCluster(local_hosts(3), tmp_path)


@pytest.mark.parametrize(("hosts", "members"), [(2, 2), (3, 1), (3, 4)])
def test_too_few_hosts_are_refused(tmp_path: Path, hosts: int, members: int) -> None:
    with pytest.raises(ValueError, match=rf"needs 3 hosts or more, and 2 to {hosts} members"):
        DatabaseCluster(local_hosts(hosts), tmp_path, members=members)
