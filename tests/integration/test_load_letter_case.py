"""Two sources whose names of one target table differ in letter case, into servers that do not look at it: what an unfinished dump of the one has
brought goes, what the other one has brought stays."""
import os

import pytest

from dmtest.crashing import CrashingCluster
from dmtest.servers import MariaDb
from dmtest.waiting import wait_for

pytestmark = pytest.mark.xdist_group("load_letter_case")
TASK, META, PROGRESS = "llc", "dm_llc", "dm_llc.llc_loader_checkpoint"
TABLE = "(id INT PRIMARY KEY, v VARCHAR(20))"
# The dump goes on until its worker is killed, however much is loaded.
HELD = "dump/before-metadata=pause({}/held)"


class Sources(CrashingCluster):
    """`one` has the schema Lc, `two` has lc. They are one downstream."""

    def points(self, source, text):
        path = self._points(self.bound_worker(source) if source in self.at else source)
        with open(f"{path}.new", "w") as file:
            file.write(text)
        os.rename(f"{path}.new", path)

    def start(self, source, *args):
        file = self.task_file(TASK, list(self.at), self.target, ["Lc", "lc"], **{
            "task-mode": "full", "meta-schema": META, "case-sensitive": True, "ignore-checking-items": ["all"],
            "loaders": {"load": {"dir": "./dumped_data"}}})
        self.ctl("start-task", file, "-s", source, *args)

    def stage(self, source):
        return (self.status(TASK, source) or {}).get("stage")

    def finished(self, *sources):
        wait_for(lambda: all(self.stage(source) == "Finished" for source in sources),
                 lambda: f"{sources} are loaded: {[self.status(TASK, source) for source in sources]}")

    def killed(self, name):
        """The worker of `one` is gone, and its points with it."""
        self.workers[name].kill9()
        self.disarm(name)

    def rows(self, condition="TRUE"):
        found = self.target.value("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'lc' AND TABLE_NAME = 'orders'")
        return self.target.value(f"SELECT COUNT(*) FROM lc.orders WHERE {condition}") if found else 0

    def progress(self, condition):
        return self.target.value(f"SELECT COUNT(*) FROM {PROGRESS} WHERE {condition}")


@pytest.fixture(scope="module")
def folding(tmp_path_factory):
    server = MariaDb(tmp_path_factory.mktemp("folding") / "server", 98, **{"lower-case-table-names": 1}).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory, servers):
    cluster = Sources(tmp_path_factory.mktemp("load-letter-case"))
    cluster.start_master()
    cluster.at = {"one": servers.get("mariadb", "up"), "two": servers.get("mariadb", "down")}
    for number, (source, server) in enumerate(cluster.at.items(), 1):
        cluster.start_worker(f"worker{number}")
        cluster.create_source(source, server)
    yield cluster
    cluster.stop()


@pytest.fixture(params=["mariadb", pytest.param("tidb", marks=pytest.mark.xdist_group("tidb"))])
def sources(request, home, servers, tmp_path):
    home.target = request.getfixturevalue("folding") if request.param == "mariadb" else servers.get("tidb", "down")
    for server in (*home.at.values(), home.target):
        server.run(*[f"DROP DATABASE IF EXISTS {name}" for name in ("Lc", "lc", META)])
    home.at["one"].run("CREATE DATABASE Lc", f"CREATE TABLE Lc.Orders {TABLE}", "INSERT INTO Lc.Orders SELECT seq, 'one' FROM Lc.seq_1_to_600")
    home.at["two"].run("CREATE DATABASE lc", f"CREATE TABLE lc.orders {TABLE}")
    for name, worker in home.workers.items():
        home.disarm(name)
        if not worker.alive():
            home.start_worker(name)
    yield home
    for name, worker in home.workers.items():  # whoever waits at a point goes on
        home.disarm(name)
    for gate in ("held", "gate"):
        (tmp_path / gate).touch()
    home.ctl("stop-task", TASK, check=False)


def loaded_ahead(sources, directory):
    """`one` has loaded all rows, and its dump goes on. Returns its worker."""
    sources.points("one", HELD.format(directory))
    sources.start("one", "--remove-meta")
    wait_for(lambda: sources.rows() == 600, lambda: f"the table is loaded ahead\n{sources.log('worker1')}")
    wait_for((directory / "held.reached").exists, "the dump goes on")
    assert sources.status(TASK, "one")["unit"] == "Dump"
    return sources.bound_worker("one")


def test_a_source_that_comes_while_rows_are_removed(sources, tmp_path):
    sources.target.run("CREATE DATABASE lc", f"CREATE TABLE lc.orders {TABLE}")
    sources.at["two"].run("INSERT INTO lc.orders SELECT seq, 'two' FROM lc.seq_1001_to_1100")
    worker = loaded_ahead(sources, tmp_path)
    sources.killed(worker)
    sources.points(worker, f"load/before-remove=pause({tmp_path}/gate)")
    sources.start_worker(worker)
    wait_for((tmp_path / "gate.reached").exists, lambda: f"it has counted the rows\n{sources.log(worker)}")
    sources.start("two")
    # It waits, or believes that the table is its own.
    names = f"SELECT filename FROM {PROGRESS} WHERE filename LIKE 'table:%' AND id ="
    wait_for(lambda: sources.stage("two") == "Finished" or sources.target.run(f"{names} 'one'") == sources.target.run(f"{names} 'two'"),
             lambda: f"the other source comes\n{sources.status(TASK, 'two')}")
    (tmp_path / "gate").touch()
    sources.finished("one", "two")
    assert (sources.rows("v = 'one'"), sources.rows("v = 'two'")) == (600, 100)


@pytest.mark.parametrize("version", ["this", "earlier", "earlier-and-done"])
def test_rows_that_have_moved_to_the_other_source(sources, tmp_path, version):
    """The table holds no more rows than the unfinished dump has brought, and some are not its own."""
    worker = loaded_ahead(sources, tmp_path)
    sources.at["one"].run("DELETE FROM Lc.Orders WHERE id <= 100")
    sources.at["two"].run("INSERT INTO lc.orders SELECT seq, 'two' FROM lc.seq_1_to_100")
    if version == "earlier":  # else its claim is gone
        sources.points("two", f"load/after-last-chunk=pause({tmp_path}/gate)")
    sources.start("two")
    wait_for(lambda: sources.stage("two") == "Finished" or (tmp_path / "gate.reached").exists(), lambda: f"the other source is loaded: {sources.status(TASK, 'two')}")
    assert sources.rows("v = 'two'") == 100
    sources.killed(worker)
    if version != "this":
        # So it left its claim: names of any letter case, and nobody else at them.
        sources.target.run(f"UPDATE {PROGRESS} SET filename = REPLACE(filename, 'lc.orders', 'Lc.Orders'), `offset` = 0 WHERE id = 'one' AND filename LIKE 'table:%'",
                           f"UPDATE {PROGRESS} SET filename = 'made:Lc.Orders' WHERE id = 'one' AND filename LIKE 'made:%'")
    sources.start_worker(worker)
    wait_for(lambda: sources.stage("one") in ("Paused", "Finished"), lambda: f"it says that the rows are not its own: {sources.status(TASK, 'one')}")
    assert sources.rows("v = 'two'") == 100, sources.status(TASK, "one")
    error = sources.status(TASK, "one")["result"]["errors"][0]
    assert "another source has loaded into it since" in error["Message"] + error["RawCause"], error


def test_claims_of_an_earlier_version(sources, tmp_path):
    """Names of any letter case. Nobody else is at the table: the load goes on by itself."""
    worker = loaded_ahead(sources, tmp_path)
    sources.killed(worker)
    sources.target.run(f"UPDATE {PROGRESS} SET filename = REPLACE(filename, 'lc.orders', 'Lc.Orders') WHERE id = 'one'")
    assert sources.progress("filename IN ('table:Lc.Orders', 'made:Lc.Orders')") == 2
    sources.at["one"].run("DELETE FROM Lc.Orders WHERE id <= 100", "ALTER TABLE Lc.Orders ADD more INT DEFAULT 7")
    sources.start_worker(worker)
    sources.finished("one")
    assert sources.rows() == sources.rows("more = 7") == 500  # made anew


def test_a_sequence(sources, tmp_path):
    """Its value is not lost with the dump of a source that is behind."""
    sources.at["one"].run("CREATE SEQUENCE Lc.Numbers", "SELECT SETVAL(Lc.Numbers, 100)")
    sources.at["two"].run("CREATE SEQUENCE lc.numbers", "SELECT SETVAL(lc.numbers, 500000)")
    worker = loaded_ahead(sources, tmp_path)
    sources.start("two")
    sources.finished("two")
    sources.killed(worker)
    sources.start_worker(worker)
    wait_for(lambda: sources.stage("one") in ("Paused", "Finished"), lambda: f"the load ends: {sources.status(TASK, 'one')}")
    assert sources.target.value("SELECT NEXTVAL(lc.numbers)") > 500000, sources.status(TASK, "one")


def test_two_names_of_one_source(sources, tmp_path):
    """The rows of both are those of one table, when a dump is undone and when it is loaded."""
    sources.at["one"].run(f"CREATE TABLE Lc.oRDERS {TABLE}", "INSERT INTO Lc.oRDERS SELECT seq, 'more' FROM Lc.seq_1001_to_1100")
    sources.points("one", HELD.format(tmp_path))
    sources.start("one", "--remove-meta")
    wait_for((tmp_path / "held.reached").exists, "the dump goes on")
    wait_for(lambda: sources.rows() in (100, 600, 700), "one of both is loaded ahead")
    worker = sources.bound_worker("one")
    sources.killed(worker)
    sources.at["one"].run("DELETE FROM Lc.Orders WHERE id <= 100", "DELETE FROM Lc.oRDERS WHERE id <= 1010")
    sources.start_worker(worker)
    sources.finished("one")
    assert (sources.rows("v = 'one'"), sources.rows("v = 'more'")) == (500, 90)
