"""Machines of their own for workers: network namespaces (of iproute2, as root), each with two cables, one to dm-master and one to the
databases, which can be pulled."""
import os
import subprocess

from .cluster import Cluster


def _ip(*args, check=True):
    done = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0 or not check, f"ip {' '.join(args)}: {done.stdout}"


class Machines:
    """`names` of workers. What it made is removed by `close`, also if only a part was made. Addresses are of this process alone."""

    def __init__(self, names):
        pid = os.getpid() % 4096
        self.net = f"10.{128 + pid // 64}.{pid % 64 * 4}"
        self.prefix = f"dm{pid}"
        # Behind either cable; of no cable, so that they stay when one is pulled.
        self.cluster, self.databases = f"{self.net}.1", f"{self.net}.2"
        self.names = list(names)
        try:
            for address in (self.cluster, self.databases):
                _ip("address", "add", f"{address}/32", "dev", "lo")
            for i, name in enumerate(self.names):
                self._make(i, name)
        except BaseException:
            self.close()
            raise

    def space(self, name):
        return f"{self.prefix}-{name}"

    def cable(self, name, kind):
        """Its end on our side. `kind`: "c" to the cluster, "d" to the databases."""
        return f"{self.prefix}{kind}{self.names.index(name)}"

    def address(self, name, kind):
        return f"{self.net}.{64 + self.names.index(name) * 8 + (0 if kind == 'c' else 4) + 2}"

    def _make(self, i, name):
        space = self.space(name)
        _ip("netns", "add", space)
        _ip("-n", space, "link", "set", "lo", "up")
        for kind, service in (("c", self.cluster), ("d", self.databases)):
            inner = self.address(name, kind)
            outer = inner.rsplit(".", 1)[0] + f".{int(inner.rsplit('.', 1)[1]) - 1}"
            cable = self.cable(name, kind)
            _ip("link", "add", cable, "type", "veth", "peer", "name", f"to-{kind}", "netns", space)
            _ip("address", "add", f"{outer}/30", "dev", cable)
            _ip("link", "set", "dev", cable, "up")
            _ip("-n", space, "address", "add", f"{inner}/30", "dev", f"to-{kind}")
            _ip("-n", space, "link", "set", "dev", f"to-{kind}", "up")
            _ip("-n", space, "route", "add", f"{service}/32", "via", outer, "dev", f"to-{kind}")

    def pull(self, name, kinds):
        for kind in kinds:
            _ip("link", "set", "dev", self.cable(name, kind), "down")

    def plug(self, name, kinds="cd"):
        for kind in kinds:
            _ip("link", "set", "dev", self.cable(name, kind), "up")

    def close(self):
        for name in self.names:
            for kind in "cd":
                _ip("link", "delete", self.cable(name, kind), check=False)  # its other end goes with it
            _ip("netns", "delete", self.space(name), check=False)
        for address in (self.cluster, self.databases):
            _ip("address", "delete", f"{address}/32", "dev", "lo", check=False)


class ClusterOfMachines(Cluster):
    """Each worker on a machine of its own."""

    def __init__(self, directory, machines, keepalive_ttl=6):
        super().__init__(directory, keepalive_ttl)
        self.machines, self.host = machines, machines.cluster

    def worker_host(self, name):
        return self.machines.address(name, "c")

    def worker_prefix(self, name):
        return ["ip", "netns", "exec", self.machines.space(name)]
