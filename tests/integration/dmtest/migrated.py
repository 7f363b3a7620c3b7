"""A task that migrates schemas of its own and then replicates them."""
from .compare import difference


class Migrated:
    """`names` maps schemas upstream to schemas downstream; both servers lose them. The source is made if the cluster has none
    of that name, with a worker for it; `cluster.sources` knows them by name."""

    def __init__(self, cluster, upstream, downstream, names, task, gtid=False, source=None, via=None, into=None, source_keys=None, **changes):
        """`via`, `into`: proxies by which the worker reaches the upstream and the downstream; `source_keys`: more keys of the
        source, `changes`: of the task."""
        self.cluster, self.upstream, self.downstream, self.task = cluster, upstream, downstream, task
        self.names = {name: name for name in names} if not isinstance(names, dict) else names
        self.source = source or f"{upstream.name}-{'gtid' if gtid else 'pos'}"
        self.gtid, self.via, self.into, self.source_keys, self.changes = gtid, via, into, source_keys or {}, changes

    @property
    def worker(self):
        return self.cluster.bound_worker(self.source)

    def prepare(self, *statements):
        for name in self.names:
            self.upstream.run(f"DROP DATABASE IF EXISTS {_quoted(name)}")
            self.downstream.run(f"DROP DATABASE IF EXISTS {_quoted(self.names[name])}")
            self.upstream.run(f"CREATE DATABASE {_quoted(name)} DEFAULT CHARACTER SET utf8mb4")
        self.write(*statements)
        if not hasattr(self.cluster, "sources"):
            self.cluster.sources = {}
        if self.source not in self.cluster.sources:
            self.cluster.start_worker(f"worker{len(self.cluster.sources) + 1}")
            self.cluster.create_source(self.source, self.via or self.upstream, **{"enable-gtid": self.gtid, **self.source_keys})
            self.cluster.sources[self.source] = self.upstream
        return self

    def file(self, **changes):
        return self.cluster.task_file(self.task, [self.source], self.into or self.downstream, self.names, **{**self.changes, **changes})

    def start(self, *args, **changes):
        self.cluster.ctl("start-task", self.file(**changes), "--remove-meta", *args)
        return self

    def replicating(self, *statements, **changes):
        """Prepares, starts and waits until it replicates."""
        self.prepare(*statements).start(**changes)
        self.cluster.wait_stage(self.task, "Running", "Sync", timeout=120)
        return self

    def write(self, *statements):
        """On one new connection, in the first schema."""
        with self.upstream.connect(database=next(iter(self.names))) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)

    def synced(self, timeout=40):
        self.cluster.wait_synced(self.task, self.upstream, timeout)

    def equal(self, definitions=None):
        self.synced()
        found = difference(self.upstream, self.downstream, self.names, definitions)
        assert found is None, found

    def same(self, query):
        """The query has the same answer on both sides, schemas being written as {0}, {1}, …"""
        self.synced()
        up = self.upstream.run(query.format(*map(_quoted, self.names)))
        down = self.downstream.run(query.format(*map(_quoted, self.names.values())))
        assert up == down, (query, up, down)

    def restart_worker(self, *statements):
        """kill -9, what is written meanwhile, and a new start."""
        name = self.worker
        self.cluster.workers[name].kill9()
        self.write(*statements)
        self.cluster.start_worker(name)
        self.cluster.wait_stage(self.task, "Running", "Sync")

    def stop(self):
        self.cluster.ctl("stop-task", self.task, check=False)


def _quoted(name):
    return "`" + name.replace("`", "``") + "`"
