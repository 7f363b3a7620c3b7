"""A task that replicates one schema between a pair of servers; tests derive from it what they need."""
import contextlib

from .cluster import Cluster
from .compare import difference


class Replicating:
    """`targets` maps schemas upstream to those downstream."""

    def __init__(self, cluster, upstream, downstream, task, schema, source="src"):
        self.cluster, self.upstream, self.downstream = cluster, upstream, downstream
        self.task, self.source, self.targets = task, source, {schema: schema}

    def recreate(self, *schemas):
        """Empty schemas upstream, none downstream."""
        for server in (self.upstream, self.downstream):
            server.run(*(f"DROP DATABASE IF EXISTS {schema}" for schema in schemas))
        self.upstream.run(*(f"CREATE DATABASE {schema}" for schema in schemas))

    def begin(self, **task):
        """Starts the task anew; it replicates when this returns."""
        path = self.cluster.task_file(self.task, [self.source], self.downstream, self.targets, **task)
        self.cluster.ctl("start-task", path, "--remove-meta")
        self.synced()

    def running(self):
        self.cluster.wait_stage(self.task, "Running", "Sync")

    def resume(self):
        self.cluster.ctl("resume-task", self.task)
        self.running()

    def synced(self):
        self.running()
        self.cluster.wait_synced(self.task, self.upstream)

    def equal(self, **options):
        """`options`: of `difference`."""
        self.synced()
        found = difference(self.upstream, self.downstream, self.targets, **options)
        assert found is None, found


@contextlib.contextmanager
def pair_cluster(tmp_path_factory, servers, kind, name):
    """A cluster of one worker between two servers of a kind."""
    cluster = Cluster.of_pair(tmp_path_factory.mktemp(f"{name}-{kind}"), servers.get(kind, "up"), servers.get(kind, "down"))
    try:
        yield cluster
    finally:
        cluster.stop()
