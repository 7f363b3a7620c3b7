"""A task that a statement of the binlog stops."""
import json

from .compare import difference

SCHEMA = "broken"


class Running:
    """A task that replicates SCHEMA from `upstream` to `downstream`."""

    def __init__(self, cluster, upstream, downstream, task="broken", source="src"):
        self.cluster, self.upstream, self.downstream, self.task, self.source = cluster, upstream, downstream, task, source

    def start(self, *statements):
        for server in (self.upstream, self.downstream):
            server.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        self.upstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
                          f"INSERT INTO {SCHEMA}.t VALUES (1, 1), (2, 2)", *statements)
        path = self.cluster.task_file(self.task, [self.source], self.downstream, [SCHEMA])
        self.cluster.ctl("start-task", path, "--remove-meta")
        self.cluster.wait_stage(self.task, "Running", "Sync")
        self.synced()

    def synced(self):
        self.cluster.wait_synced(self.task, self.upstream)

    def break_unique_key(self):
        """ALTER TABLE t ADD UNIQUE KEY u (v) succeeds upstream and fails downstream, where two rows have one value."""
        self.downstream.run(f"UPDATE {SCHEMA}.t SET v = 7")
        self.upstream.run(f"ALTER TABLE {SCHEMA}.t ADD UNIQUE KEY u (v)")
        return self.error(1062)

    def error(self, number):
        return self.cluster.wait_error(self.task, phrase=f"Error {number}")

    def binlog(self, command, *args, ok=True):
        """The answer for the source."""
        answer = self.cluster.ctl("binlog", command, self.task, *args).json
        assert len(answer["sources"]) == 1 and answer["sources"][0]["source"] == self.source, answer
        entry = answer["sources"][0]
        assert entry["result"] is ok, answer
        assert bool(entry["worker"]) is ok, answer
        return entry["msg"]

    def listed(self, *args):
        return json.loads(self.binlog("list", *args))

    def keys(self, table="t", server=None):
        rows = (server or self.downstream).run(f"SHOW INDEX FROM {SCHEMA}.{table}")
        return sorted({row[2] for row in rows} - {"PRIMARY"})

    def place_of(self, phrase):
        """file and begin of the newest event upstream whose text holds `phrase`."""
        found = None
        for (file, *_) in self.upstream.run("SHOW BINARY LOGS"):
            for row in self.upstream.run(f"SHOW BINLOG EVENTS IN '{file}'"):
                if phrase in str(row[5]):
                    found = (file, int(row[1]))
        assert found, phrase
        return found

    def begin_of_rows(self, rows_query):
        """Begin of the first rows event behind the event whose text holds `rows_query`."""
        file, offset = self.place_of(rows_query)
        for row in self.upstream.run(f"SHOW BINLOG EVENTS IN '{file}'"):
            if int(row[1]) > offset and ("Write_rows" in row[2] or "Update_rows" in row[2]):
                return f"{file}:{row[1]}"
        raise AssertionError(rows_query)

    def worker_log(self):
        return self.cluster.log("worker1", 100000)

    def equal(self):
        self.synced()
        found = difference(self.upstream, self.downstream, {SCHEMA: SCHEMA})
        assert found is None, found
