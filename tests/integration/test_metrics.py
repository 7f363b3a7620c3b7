"""/metrics of both programs: names, labels and buckets as others' dashboards and alert rules know them; their life time."""
import os
import re

import pytest
import yaml

from dmtest.servers import REPO
from dmtest.waiting import wait_for

EXPECTED = os.path.join(os.path.dirname(__file__), "metrics_expected.txt")
# Series that are ours alone.
OWN = {"dm_syncer_upstream_connected", "dm_syncer_checkpoint_age_seconds", "dm_syncer_rows_not_found_total"}


def parse(text):
    """{name: {labels: value}}; a histogram by its name, with its number of buckets, and with its _count and _sum."""
    series, histograms = {}, set()
    for line in text.splitlines():
        kind = re.match(r"# TYPE (\S+) histogram", line)
        if kind:
            histograms.add(kind[1])
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r'([a-zA-Z_:0-9]+)(?:\{(.*)\})? (\S+)', line)
        assert match, line
        name, labels, value = match[1], match[2] or "", float(match[3])
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        if base in histograms:
            labels_of_all = re.sub(r',?le="[^"]*"', "", labels)
            if name.endswith("_bucket"):
                buckets = series.setdefault(base, {})
                buckets[labels_of_all] = buckets.get(labels_of_all, 0) + 1
                continue
            series.setdefault(name, {})[labels_of_all] = value
            continue
        series.setdefault(name, {})[labels] = value
    return series


def normal(name, labels, source, task, schema, worker):
    for value, word in ((source, "SOURCE"), (task, "TASK"), (schema, "SCHEMA"), (worker, "WORKER")):
        labels = labels.replace(f'"{value}"', f'"{word}"')
    labels = re.sub(r'"q_\d"', '"q_N"', labels)
    return name + (f"{{{labels}}}" if labels else "")


def expected():
    program, found = None, {}
    for line in open(EXPECTED):
        line = line.strip()
        if line.startswith("["):
            program = line[1:-1]
        elif line and not line.startswith("#"):
            match = re.fullmatch(r"(.*?)(?: (\d+))?", line)
            found.setdefault(program, {})[match[1]] = int(match[2] or 0)
    return found


class Scene:
    def __init__(self, cluster, servers):
        self.cluster, self.up, self.down = cluster, servers.get("mariadb", "up"), servers.get("mariadb", "down")
        self.source, self.task = "mariadb-pos", "metr"
        if self.source not in cluster.sources:
            cluster.start_worker(f"worker{len(cluster.sources) + 1}")
            cluster.create_source(self.source, self.up, **{"enable-gtid": False})
            cluster.sources[self.source] = self.up
        self.worker = cluster.bound_worker(self.source)
        for server in (self.up, self.down):
            server.run("DROP DATABASE IF EXISTS metrs")
        self.up.run("CREATE DATABASE metrs", "CREATE TABLE metrs.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
                    "INSERT INTO metrs.t (v) VALUES (1), (2), (3)")

    def start(self, **more):
        path = self.cluster.task_file(self.task, [self.source], self.down, ["metrs"], **more)
        self.cluster.ctl("start-task", path, "--remove-meta")

    def of_worker(self):
        return parse(self.cluster.http("/metrics", self.cluster.workers[self.worker].port))

    def value(self, name, **labels):
        """The value of the one series with these labels; None if there is none."""
        found = [value for text, value in self.of_worker().get(name, {}).items()
                 if all(f'{k}="{v}"' in text for k, v in labels.items())]
        assert len(found) <= 1, found
        return found[0] if found else None

    def synced(self):
        self.cluster.wait_synced(self.task, self.up)


@pytest.fixture
def scene(servers, shared_cluster):
    made = Scene(shared_cluster, servers)
    yield made
    shared_cluster.ctl("stop-task", made.task, check=False)


def test_names_labels_and_buckets(scene):
    scene.start(syncers={"sync": {"worker-count": 2, "batch": 10}})
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    for i in range(4):
        scene.up.run(f"INSERT INTO metrs.t (v) VALUES ({i}), ({i})", f"UPDATE metrs.t SET v = 9 WHERE id = {i}")
    scene.up.run("DELETE FROM metrs.t WHERE id = 1", "ALTER TABLE metrs.t ADD COLUMN w INT",
                 "INSERT INTO metrs.t (v) VALUES (5)")
    scene.synced()
    names = (scene.source, scene.task, "metrs", scene.worker)

    def missing():
        there = {normal(name, labels, *names): value for name, all_labels in scene.of_worker().items()
                 for labels, value in all_labels.items()}
        return {series: buckets for series, buckets in expected()["dm-worker"].items()
                if series not in there or (buckets and buckets != there[series])}

    # Some appear with a flush or the next sample.
    wait_for(lambda: not missing(), lambda: f"all series: missing or with other buckets {missing()}", 15, interval=0.3)
    # (Filtered events may come from other tests.)
    known = {series.split("{")[0] for series in expected()["dm-worker"]} | {"dm_syncer_skip_binlog_duration"}
    for name, all_labels in scene.of_worker().items():
        base = re.sub(r"_(count|sum)$", "", name)
        if not base.startswith("dm_") or name in OWN or not any(f'"{scene.task}"' in text for text in all_labels):
            continue
        assert name in known or base in known or base.startswith(("dm_loader_exit", "dm_load_")), f"{name} is neither DM's nor listed"
        for labels in all_labels:
            assert labels.split(",") == sorted(labels.split(",")), f"labels of {name} are sorted: {labels}"
    master = parse(scene.cluster.http("/metrics"))
    there = {normal(name, labels, *names) for name, all_labels in master.items() for labels in all_labels}
    assert not [series for series in expected()["dm-master"] if series not in there]
    assert master["etcd_server_has_leader"] == {"": 1}
    assert master["dm_master_start_leader_counter"] == {"": 1}
    assert master["dm_master_worker_state"][f'worker="{scene.worker}"'] == 2


def test_values(scene):
    scene.start(syncers={"sync": {"worker-count": 2, "batch": 10}})
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    rows = ", ".join(f"({i})" for i in range(200))
    scene.up.run(f"INSERT INTO metrs.t (v) VALUES {rows}", "DELETE FROM metrs.t WHERE id <= 100")
    scene.synced()
    t = {"task": scene.task, "source_id": scene.source}
    assert scene.value("dm_worker_task_state", worker=scene.worker, **t) == 2

    def jobs(name, kind):
        return sum(v for text, v in scene.of_worker()[name].items()
                   if f'task="{scene.task}"' in text and f'type="{kind}"' in text)

    for name in ("dm_syncer_added_jobs_total", "dm_syncer_finished_jobs_total"):
        assert jobs(name, "insert") == 200
        assert jobs(name, "delete") == 100
        assert jobs(name, "flush") > 0
    finished = scene.value("dm_syncer_finished_transaction_total", **t)
    assert finished > 1
    assert scene.value("dm_syncer_ideal_qps", **t) > 1
    # (Handed over now and then.)
    wait_for(lambda: scene.value("dm_syncer_binlog_event_row_sum", **t) == 300, lambda: scene.value("dm_syncer_binlog_event_row_sum", **t))
    batches = [v for text, v in scene.of_worker()["dm_syncer_replication_transaction_batch_sum"].items()
               if f'task="{scene.task}"' in text and 'type="rows"' in text]
    assert sum(batches) == 300
    assert scene.value("dm_syncer_txn_duration_time_count", **t) == finished
    assert scene.value("dm_syncer_txn_duration_time_sum", **t) > 0
    assert sum(v for text, v in scene.of_worker()["dm_syncer_binlog_transform_cost_count"].items()
               if f'task="{scene.task}"' in text and 'stage="dml-exec"' in text) == 300
    wait_for(lambda: scene.value("dm_syncer_replication_lag_gauge", **t) == 0, "no lag", 30)
    assert scene.value("dm_syncer_remaining_time", **t) == 0
    assert scene.value("dm_syncer_upstream_connected", **t) == 1
    wait_for(lambda: scene.value("dm_syncer_checkpoint_age_seconds", **t) < 2, "the checkpoint is young", 30)
    assert scene.value("dm_syncer_exit_with_error_count", resumable_err="true", **t) == 0
    # The binlog file follows on both sides.
    before = scene.value("dm_syncer_binlog_file", node="syncer", **t)
    scene.up.run("FLUSH BINARY LOGS")
    for node in ("syncer", "master"):
        def follows():
            scene.cluster.status(scene.task)
            return scene.value("dm_syncer_binlog_file", node=node, **t) == before + 1
        wait_for(follows, f"{node} is in the next file", 10, interval=0.2)
    # Paused, and gone.
    scene.cluster.ctl("pause-task", scene.task)
    assert scene.value("dm_worker_task_state", worker=scene.worker, **t) == 3
    assert scene.value("dm_syncer_upstream_connected", **t) == 0
    scene.cluster.ctl("stop-task", scene.task)
    left = {name: [text for text in labels if f'task="{scene.task}"' in text]
            for name, labels in scene.of_worker().items()}
    assert not {name: labels for name, labels in left.items() if labels}


def test_rows_that_are_gone_downstream(scene):
    scene.start(syncers={"sync": {"safe-mode-duration": "0s"}})
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    t = {"task": scene.task, "source_id": scene.source}
    assert scene.value("dm_syncer_rows_not_found_total", **t) is None
    scene.down.run("DELETE FROM metrs.t WHERE id <= 2")
    scene.up.run("UPDATE metrs.t SET v = 7")
    scene.synced()
    assert scene.value("dm_syncer_rows_not_found_total", **t) == 2
    assert "found no row to change" in scene.cluster.log(scene.worker, 10000)


def test_blocked_downstream_and_filtered_events(scene):
    scene.start()
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    t = {"task": scene.task, "source_id": scene.source}
    with scene.down.connect() as blocker:
        cursor = blocker.cursor()
        cursor.execute("LOCK TABLES metrs.t READ")
        scene.up.run("INSERT INTO metrs.t (v) VALUES (1)")
        wait_for(lambda: scene.value("dm_syncer_replication_lag_gauge", **t) >= 2, "the lag grows", 30)
        before = scene.value("dm_syncer_replication_lag_sum", **t)
        wait_for(lambda: scene.value("dm_syncer_replication_lag_sum", **t) > before, "the histogram grows", 30)
        cursor.execute("UNLOCK TABLES")
    scene.up.run("CREATE DATABASE IF NOT EXISTS metrx", "CREATE TABLE IF NOT EXISTS metrx.t (a INT)",
                 "INSERT INTO metrx.t VALUES (1)", "DROP DATABASE metrx")
    wait_for(lambda: (scene.value("dm_syncer_skip_binlog_duration_count", type="rows", **t) or 0) >= 1
             and (scene.value("dm_syncer_skip_binlog_duration_count", type="query", **t) or 0) >= 2, "skipped events", 30)
    wait_for(lambda: scene.value("dm_syncer_replication_lag_gauge", **t) == 0, "no lag", 30)
    # An error is counted.
    scene.down.run("DROP TABLE metrs.t")
    scene.up.run("INSERT INTO metrs.t (v) VALUES (1)")
    scene.cluster.wait_error(scene.task)
    count = scene.of_worker()["dm_syncer_exit_with_error_count"]
    assert sum(value for text, value in count.items() if f'task="{scene.task}"' in text) >= 1


def test_dump_and_load(scene):
    scene.up.run("CREATE TABLE metrs.u (id INT PRIMARY KEY)", "INSERT INTO metrs.u VALUES (1), (2)")
    scene.start()
    scene.cluster.wait_stage(scene.task, "Running", "Sync")
    t = {"task": scene.task, "source_id": scene.source}
    assert scene.value("lightning_tables", result="success", state="completed", **t) == 2
    assert scene.value("lightning_chunks", state="finished", **t) == 2
    total = scene.value("lightning_bytes", state="total_restore", **t)
    assert total > 0 and scene.value("lightning_bytes", state="restored", **t) == total
    for resumable in ("true", "false"):
        assert scene.value("dm_loader_exit_with_error_count", resumable_err=resumable, **t) == 0
    scene.cluster.ctl("stop-task", scene.task)
    assert scene.value("lightning_tables", result="success", state="completed", **t) is None
    assert scene.value("dm_loader_exit_with_error_count", resumable_err="true", **t) is None


def test_alert_rules_use_names_that_exist():
    text = open(os.path.join(REPO, "deploy", "alert.rules.yml")).read()
    rules = yaml.safe_load(text)["groups"][0]["rules"]
    known = {series.split("{")[0] for program in expected().values() for series in program} | OWN | {
        "up", "etcd_server_has_leader", "dm_dumpling_exit_with_error_count", "dm_loader_exit_with_error_count",
        # Of shard merge.
        "dm_master_ddl_state_number", "dm_master_shard_ddl_error"}
    for rule in rules:
        names = re.findall(r"(?<![\w\"])((?:dm_|etcd_)\w+|up)(?=[\s{\[]|$)", re.sub(r'"[^"]*"', '""', rule["expr"]))
        assert names and not set(names) - known, (rule["alert"], set(names) - known)
        assert set(rule["labels"]) == {"env", "level", "expr"}
        assert set(rule["annotations"]) == {"description", "value", "summary"}
