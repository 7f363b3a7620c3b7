"""kill -9 at every crash point of dump and load and between the units, then a restart: the whole migration ends equal."""
import pytest

pytestmark = pytest.mark.xdist_group("crash_points_full")
SCHEMA = "cpf"
MORE = (f"INSERT INTO {SCHEMA}.pk SELECT seq * 10000, CONCAT('v', seq), seq FROM {SCHEMA}.seq_1_to_60",
        f"INSERT INTO {SCHEMA}.nokey SELECT seq % 5, 'row' FROM {SCHEMA}.seq_1_to_60",
        f"INSERT INTO {SCHEMA}.nullable SELECT NULL, 'row' FROM {SCHEMA}.seq_1_to_20",
        f"CREATE VIEW {SCHEMA}.seen AS SELECT id, v FROM {SCHEMA}.pk", f"CREATE SEQUENCE {SCHEMA}.numbers CACHE 5", f"CREATE SEQUENCE {SCHEMA}.more INCREMENT BY -2 MINVALUE -1000 MAXVALUE 10",
        f"SELECT NEXTVAL({SCHEMA}.numbers), NEXTVAL({SCHEMA}.more)")
# Several files of each table, several statements in each file.
SMALL_FILES = {"mydumpers": {"dump": {"threads": 2, "extra-args": "-F 500B -s 100 --no-views=false"}}}


@pytest.fixture
def scene(crash_home):
    """Before its task."""
    crash_home.cluster.disarm()
    if not crash_home.cluster.workers["worker1"].alive():
        crash_home.cluster.start_worker("worker1")
    crash_home.prepare(*MORE)
    return crash_home


def finish(scene):
    """Rows change and go while the worker is away, so that those of a dump that is made again are not those of the first."""
    scene.run("DELETE FROM pk WHERE id BETWEEN 50000 AND 90000", "DELETE FROM nokey WHERE a = 3 LIMIT 5",
              "UPDATE nullable SET b = 'late' WHERE a IS NULL LIMIT 7", *["SELECT NEXTVAL(numbers)"] * 7)
    scene.traffic(2)
    scene.back()
    scene.traffic(2)
    scene.equal()
    for sequence in ("numbers", "more"):
        state = f"SELECT next_not_cached_value, increment, cycle_count FROM {SCHEMA}.{sequence}"
        assert scene.downstream.run(state) == scene.upstream.run(state), sequence
    assert scene.downstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.seen") == scene.upstream.value(f"SELECT COUNT(*) FROM {SCHEMA}.seen")


DUMP = ["dump/emptied", "dump/before-lock", "dump/locked", "dump/first-snapshot", "dump/after-unlock", "dump/before-schema-file", "3*dump/before-schema-file",
        "dump/after-schema-file", "dump/before-data-file", "dump/after-data-file", "4*dump/after-data-file", "dump/chunk", "dump/after-last-chunk",
        "dump/before-metadata", "storage/before-rename", "dump/after-metadata"]
LOAD = ["load/after-make-database", "owner/before-raise-commit", "owner/after-raise", "owner/before-statement",
        "owner/after-statement", "3*owner/after-statement", "load/before-make-table",
        "load/after-make-table", "load/table-recorded",
        "load/claimed", "load/file-recorded", "3*load/file-recorded",
        "load/after-make-sequence", "2*load/after-make-sequence", "load/after-set-sequence",
        "load/before-make-view", "load/after-make-view", "meta/before-load-commit",
        "4*meta/before-load-commit", "load/before-commit", "6*load/before-commit", "load/after-chunk", "6*load/after-chunk",
        "load/after-file", "etcd/before-load-task", "etcd/after-load-task", "load/before-running",
        "load/running", "load/files-recorded", "load/targets-claimed", "load/after-last-chunk", "load/finished",
        "load/before-clean", "load/cleaning"]
BETWEEN = ["sync/after-checkpoint-table", "sync/after-meta-tables", "subtask/unit-done", "2*subtask/unit-done",
           "sync/before-begin", "sync/after-begin", "etcd/before-load-task-end", "etcd/after-load-task-end",
           "sync/before-clean", "sync/after-clean"]


@pytest.mark.parametrize("point", DUMP + LOAD + BETWEEN)
def test_full(scene, point):
    scene.arm(point)
    command = scene.cluster.begin("start-task", scene.file(**SMALL_FILES), "--remove-meta")
    scene.died(point)
    command.abandon()
    finish(scene)


# -- what is left of a dump that was given up
UNDO = ["dump/emptying", "load/claimed-for-emptying", "load/before-remove",
        "load/after-empty", "2*load/after-empty", "load/before-forget", "load/after-forget"]


@pytest.mark.parametrize("point", UNDO)
def test_undo(scene, point):
    """The first kill leaves rows of a dump that is made again."""
    first = "9*load/after-chunk"
    scene.arm(first)
    command = scene.cluster.begin("start-task", scene.file(**SMALL_FILES), "--remove-meta")
    scene.died(first)
    command.abandon()
    scene.run("DELETE FROM pk WHERE id = 20000", "DELETE FROM nokey WHERE a = 2 LIMIT 1")
    scene.arm(point)
    scene.back()
    scene.died(point)
    finish(scene)


@pytest.mark.parametrize("point", ["load/before-restart", "load/after-restart", "meta/before-load-commit"])
def test_a_loaded_table_vanishes(scene, point):
    scene.arm("load/running")
    command = scene.cluster.begin("start-task", scene.file(**SMALL_FILES), "--remove-meta")
    scene.died("load/running")
    command.abandon()
    scene.downstream.run(f"DROP TABLE {SCHEMA}.pk", f"TRUNCATE TABLE {SCHEMA}.nokey")
    scene.arm(point)
    scene.back()
    scene.died(point)
    finish(scene)
