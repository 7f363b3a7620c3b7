"""Servers and clusters for the tests. Servers start once a test process; every test uses schemas of its own."""
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from dmtest.cluster import Cluster  # noqa: E402
from dmtest.migrated import Migrated  # noqa: E402
from dmtest.servers import MariaDb, MariaDb11, MySql9, MySql56, TiDb, TiDbOld  # noqa: E402

_ids = itertools.count(1)


class Servers:
    """Started at their first use."""

    def __init__(self, directory):
        self.directory = directory
        self.running = {}

    def get(self, kind, role):
        key = (kind, role)
        if key not in self.running:
            server_class = {
                "mariadb": MariaDb, "mariadb11": MariaDb11, "mysql9": MySql9, "mysql56": MySql56,
                "mysql56gtid": MySql56, "tidb": TiDb, "tidbold": TiDbOld}[kind]
            options = {"gtid_mode": "ON"} if kind == "mysql56gtid" else {}
            server = server_class(os.path.join(self.directory, f"{kind}-{role}"), server_id=100 + next(_ids), **options)
            self.running[key] = server.start()
        return self.running[key]

    def stop(self):
        for server in self.running.values():
            server.stop()


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    servers = Servers(str(tmp_path_factory.mktemp("servers")))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory):
    """A cluster that tests share which disturb nothing: a worker for each source."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start_master()
    cluster.sources = {}
    yield cluster
    cluster.stop()


@pytest.fixture
def migrated(request, servers, shared_cluster):
    """Returns a function that makes a task between two kinds of servers, "mysql9-mariadb", for the test file's SCHEMA."""
    made, schema = [], request.module.SCHEMA

    def make(pair, schemas=(schema,), **more):
        for earlier in made:
            earlier.stop()
        up, down = pair.split("-")
        made.append(Migrated(shared_cluster, servers.get(up, "up"), servers.get(down, "down"), schemas, f"{schema}{len(made)}", **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def cluster(tmp_path):
    """A cluster of the test's own; it starts the processes itself."""
    cluster = Cluster(tmp_path / "cluster")
    yield cluster
    cluster.stop()
