"""Several operators at once: one outcome, no half states."""
import concurrent.futures
import os

import pytest

from dmtest.cluster import Cluster
from dmtest.compare import difference
from dmtest.waiting import wait_for

SCHEMA = "bad_operators"


@pytest.fixture(scope="module")
def running(tmp_path_factory, servers):
    cluster = Cluster.of_pair(
        tmp_path_factory.mktemp("bad-operators"), servers.get("mariadb", "up"), servers.get("mariadb", "down"))
    names = [SCHEMA] + [f"{SCHEMA}{i}" for i in range(4)]
    for name in names:
        for server in (cluster.upstream, cluster.downstream):
            server.run(f"DROP DATABASE IF EXISTS {name}")
        cluster.downstream.run(f"DROP DATABASE IF EXISTS dm_{name}")
        cluster.upstream.run(f"CREATE DATABASE {name}", f"CREATE TABLE {name}.t (id INT PRIMARY KEY, v INT)",
                             f"INSERT INTO {name}.t VALUES (1, 1)")
    yield cluster
    cluster.stop()


def task(cluster, name=SCHEMA):
    return cluster.task_file(name, ["src"], cluster.downstream, [name], **{"meta-schema": f"dm_{name}"})


def at_once(cluster, *commands):
    """Answers of commands that are sent together, in their order."""
    with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
        return [f.result() for f in [pool.submit(cluster.ctl, *command, check=False) for command in commands]]


# What the one who comes too late may read.
TOO_LATE = ("code=46014", "code=46024", "code=46016", "code=46018", "has no source or not exist", "code=46007", "code=46008", "code=46010",
            "code=20031")


def won(answers):
    """Answers that succeeded; all others say that somebody else was first."""
    for answer in answers:
        assert answer.ok or any(phrase in answer.out for phrase in TOO_LATE), answer
    return [answer for answer in answers if answer.ok]


def equal(cluster, name=SCHEMA):
    cluster.wait_stage(name, "Running", "Sync")
    cluster.upstream.run(f"INSERT INTO {name}.t SELECT MAX(id) + 1, 0 FROM {name}.t")
    cluster.wait_synced(name, cluster.upstream)
    found = difference(cluster.upstream, cluster.downstream, {name: name})
    assert found is None, found


def test_one_task_is_started_once(running):
    path = task(running)
    answers = at_once(running, *[["start-task", path]] * 6)
    assert len(won(answers)) == 1, [str(a) for a in answers]
    equal(running)
    answers = at_once(running, *[["stop-task", SCHEMA]] * 6)
    assert won(answers), [str(a) for a in answers]
    assert running.status(SCHEMA) is None
    answers = at_once(running, *[["start-task", path, "--remove-meta"]] * 4)
    assert len(won(answers)) == 1, [str(a) for a in answers]
    equal(running)
    running.ctl("stop-task", SCHEMA)


def test_pause_resume_and_stop_of_one_task(running):
    path = task(running)
    running.ctl("start-task", path)
    running.wait_stage(SCHEMA, "Running", "Sync")
    for _ in range(4):
        answers = at_once(running, *[["pause-task", SCHEMA], ["resume-task", SCHEMA]] * 3)
        for answer in answers:  # one that another has overtaken does not see its stage
            assert answer.ok or "code=38045" in answer.out or any(p in answer.out for p in TOO_LATE), answer
        stage = wait_for(lambda: running.status(SCHEMA)["stage"] in ("Running", "Paused") and running.status(SCHEMA)["stage"],
                         "the task settles")
        running.ctl("pause-task" if stage == "Running" else "resume-task", SCHEMA)
        running.wait_stage(SCHEMA, "Paused" if stage == "Running" else "Running")
    running.ctl("resume-task", SCHEMA)
    equal(running)
    answers = at_once(running, ["stop-task", SCHEMA], ["pause-task", SCHEMA], ["resume-task", SCHEMA], ["start-task", path])
    assert any(answer.ok for answer in answers), [str(a) for a in answers]
    running.ctl("stop-task", SCHEMA, check=False)
    wait_for(lambda: running.status(SCHEMA) is None, "the task is gone")
    running.ctl("start-task", path)
    equal(running)
    running.ctl("stop-task", SCHEMA)


def test_different_tasks(running):
    names = [f"{SCHEMA}{i}" for i in range(4)]
    paths = [task(running, name) for name in names]
    assert len(won(at_once(running, *[["start-task", path] for path in paths]))) == 4
    for name in names:
        equal(running, name)
    assert len(won(at_once(running, *[["pause-task", name] for name in names]))) == 4
    assert len(won(at_once(running, *[["resume-task", name] for name in names]))) == 4
    for name in names:
        equal(running, name)
    assert len(won(at_once(running, *[["stop-task", name] for name in names]))) == 4
    assert running.ctl("query-status").json["tasks"] == []


def test_a_source_is_made_once_and_goes_once(running):
    path = running.write("second.yaml", open(os.path.join(running.dir, "src.yaml")).read().replace("source-id: src", "source-id: second"))
    for _ in range(2):
        answers = at_once(running, *[["operate-source", "create", path]] * 5)
        assert len(won(answers)) == 1, [str(a) for a in answers]
        answers = at_once(running, *[["operate-source", "stop", "second"]] * 5)
        assert len(won(answers)) == 1, [str(a) for a in answers]
        sources = running.ctl("operate-source", "show").json["sources"]
        assert [source["source"] for source in sources] == ["src"], sources


def test_a_source_goes_while_its_task_comes(running):
    """The source goes or the task comes: never a task without its source."""
    source, path = os.path.join(running.dir, "src.yaml"), task(running)
    for _ in range(4):
        stopped, started_ = at_once(running, ["operate-source", "stop", "src"], ["start-task", path])
        won([stopped, started_])
        assert stopped.ok != started_.ok, [str(stopped), str(started_)]
        if stopped.ok:
            assert running.status(SCHEMA) is None
            running.ctl("operate-source", "create", source)
        else:
            running.wait_stage(SCHEMA, "Running", "Sync")
            running.ctl("stop-task", SCHEMA)
    running.ctl("start-task", path)
    equal(running)
    running.ctl("stop-task", SCHEMA)
