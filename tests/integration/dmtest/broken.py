"""A task that a statement of the binlog stops."""
import json

from .replicating import Replicating

SCHEMA = "broken"


class Running(Replicating):
    """A task that replicates SCHEMA."""

    def __init__(self, cluster, upstream, downstream, task="broken"):
        super().__init__(cluster, upstream, downstream, task, SCHEMA)

    def start(self, *statements):
        self.recreate(SCHEMA)
        self.upstream.run(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)",
                          f"INSERT INTO {SCHEMA}.t VALUES (1, 1), (2, 2)", *statements)
        self.begin()

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

    def keys(self, table="t"):
        rows = self.downstream.run(f"SHOW INDEX FROM {SCHEMA}.{table}")
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

    def worker_log(self):
        return self.cluster.log("worker1", 100000)

    def column_comes_by_hand(self):
        """The task stops at a row with column `c`, which the target lacks; it knows how many columns a row has. With the
        column the task goes on."""
        error = self.cluster.wait_error(self.task)
        assert "`c`" in error["Message"] + error["RawCause"] and error["ErrCode"] != 36027, error
        self.downstream.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN c INT")
        self.resume()
        self.synced()
        assert self.downstream.run(f"SELECT * FROM {SCHEMA}.t WHERE id = 5") == ((5, 5, 5),)
