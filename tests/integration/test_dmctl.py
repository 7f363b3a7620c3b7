"""dmctl: configurations printed and used again, export and import, the interactive mode, changes of a paused task."""
import os
import pty
import re
import select
import signal
import subprocess
import termios

import pytest
import yaml

from dmtest.cluster import BIN
from dmtest.compare import difference
from dmtest.servers import PASSWORD
from dmtest.waiting import wait_for


@pytest.fixture
def pair(servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run("DROP DATABASE IF EXISTS ctl")
    downstream.run("DROP DATABASE IF EXISTS dm_ctl")
    upstream.run("CREATE DATABASE ctl", "CREATE TABLE ctl.t (id INT PRIMARY KEY, v INT)", "INSERT INTO ctl.t VALUES (1, 1)")
    return upstream, downstream


@pytest.fixture
def started(cluster, pair):
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src-1", pair[0])
    path = cluster.task_file("ctl", ["src-1"], pair[1], ["ctl"], **{"meta-schema": "dm_ctl"},
                             routes={"r": {"schema-pattern": "ctl", "target-schema": "ctl"}})
    task = yaml.safe_load(open(path))
    task["mysql-instances"][0]["route-rules"] = ["r"]
    cluster.write("task-ctl.yaml", task)
    cluster.ctl("start-task", path)
    cluster.wait_stage("ctl", "Running", "Sync")
    return path


def test_printed_configurations_can_be_used_again(cluster, pair, started):
    """In the reference's layout (the keys of its own file), without passwords."""
    printed = cluster.ctl("config", "task", "ctl").json["cfg"]
    assert printed.startswith('name: ctl\ntask-mode: all\nis-sharding: false\nshard-mode: ""\n')
    assert "password: '******'" in printed and PASSWORD not in printed
    for phrase in ("  route-rules:\n  - route-01\n", "  block-allow-list: balist-01\n", "  mydumper-config-name: dump-01\n",
                   "  loader-config-name: load-01\n", "  syncer-config-name: sync-01\n",
                   "routes:\n  route-01:\n    schema-pattern: ctl\n    table-pattern: \"\"\n    target-schema: ctl\n",
                   "    checkpoint-flush-interval: 1\n", "clean-dump-file: true\nansi-quotes: false\nremove-meta: false\n"):
        assert phrase in printed, phrase
    file = os.path.join(cluster.dir, "printed.yaml")
    answer = cluster.ctl("config", "task", "ctl", "--path", file)
    assert answer.json == {"result": True, "msg": f"write config to file {file} succeed", "cfg": ""}
    assert open(file).read() == printed and os.stat(file).st_mode & 0o777 == 0o600
    assert cluster.ctl("get-config", "task", "ctl").json["cfg"] == printed
    # With the password back it starts, goes on from the checkpoint, and prints the same.
    cluster.ctl("stop-task", "ctl")
    cluster.write("printed.yaml", printed.replace("'******'", PASSWORD))
    cluster.ctl("start-task", file)
    cluster.wait_stage("ctl", "Running", "Sync")
    assert cluster.ctl("config", "task", "ctl").json["cfg"] == printed
    source = cluster.ctl("config", "source", "src-1").json["cfg"]
    assert "source-id: src-1\n" in source and "password: '******'" in source and "tracer: {}\n" in source
    master = cluster.ctl("config", "master", "master1").json["cfg"]
    assert f'master-addr = "{cluster.address}"' in master
    worker = cluster.ctl("config", "worker", "worker1").json["cfg"]
    assert 'name = "worker1"' in worker
    for kind in ("task", "source", "master", "worker"):
        assert cluster.ctl("config", kind, "nosuch", check=False).json == {
            "result": False, "msg": f"{kind} not found", "cfg": ""}
    # The source, too.
    cluster.ctl("stop-task", "ctl")
    cluster.ctl("operate-source", "stop", "src-1")
    again = cluster.write("source-again.yaml", source.replace("'******'", PASSWORD))
    cluster.ctl("operate-source", "create", again)
    assert cluster.ctl("config", "source", "src-1").json["cfg"] == source


def test_export_and_import(cluster, pair, started):
    directory = os.path.join(cluster.dir, "exported")
    answer = cluster.ctl("config", "export", "--path", directory, check=False)
    assert (answer.code, answer.out) == (0, f"export configs to directory `{directory}` succeed\n"), str(answer)
    assert sorted(os.listdir(directory)) == ["sources", "tasks"]
    assert os.stat(os.path.join(directory, "tasks", "ctl.yaml")).st_mode & 0o777 == 0o600
    printed = cluster.ctl("config", "task", "ctl").json["cfg"]
    done = f"start creating sources\nstart creating tasks\nimport configs from directory `{directory}` succeed\n"
    # What is there is left alone.
    again = cluster.ctl("config", "import", "--path", directory, check=False)
    assert (again.code, again.out) == (0, done), str(again)
    cluster.ctl("stop-task", "ctl")
    cluster.ctl("operate-source", "stop", "src-1")
    for _ in range(2):
        imported = cluster.ctl("config", "import", "--path", directory, check=False)
        assert (imported.code, imported.out) == (0, done), str(imported)
    cluster.wait_stage("ctl", "Running", "Sync")
    assert cluster.ctl("config", "task", "ctl").json["cfg"] == printed
    pair[0].run("INSERT INTO ctl.t VALUES (2, 2)")
    cluster.wait_synced("ctl", pair[0])
    assert difference(*pair, {"ctl": "ctl"}) is None
    missing = cluster.ctl("config", "import", "--path", directory + "x", check=False)
    assert missing.code == 1 and f"Error: config directory `{directory}x` not exists" in missing.err


def test_did_you_mean(cluster, pair, started):
    text = open(started).read()
    for written, meant in (("thread", "threads"), ("worker-cuont", "worker-count"), ("block-alow-list", "block-allow-list"),
                           ("pool_size", "pool-size")):
        wrong = cluster.write("wrong.yaml", re.sub(rf"\b{meant}:", f"{written}:", text, count=1))
        answer = cluster.ctl("start-task", wrong, check=False)
        assert answer.code == 1
        assert f'field {written} not found in type' in answer.err and f'did you mean "{meant}"?' in answer.err, str(answer)
    wrong = cluster.write("wrong-source.yaml", "source-id: s\nenable-gtids: true\nfrom: {host: 127.0.0.1}\n")
    assert 'did you mean "enable-gtid"?' in cluster.ctl("operate-source", "create", wrong, check=False).err
    for program, flag in (("dm-master", "--config"), ("dm-worker", "--config")):
        file = cluster.write(f"{program}.toml", 'name = "x"\nlog-levle = "info"\n')
        done = subprocess.run([f"{BIN}/{program}", flag, file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode != 0 and 'did you mean "log-level"?' in done.stdout, done


class Terminal:
    """dmctl at a terminal."""

    def __init__(self, cluster, home):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cluster.dir)
            os.execve(f"{BIN}/dmctl", ["dmctl", f"--master-addr={cluster.address}"],
                      {"HOME": home, "TERM": "xterm", "PATH": os.environ["PATH"]})
        self.seen = ""

    def read(self):
        """Takes what is there to be read. False: dmctl has ended."""
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.seen += data.decode(errors="replace")
        return True

    def read_until(self, text, timeout=20):
        def shown():
            alive = self.read()
            assert alive or text in self.seen, f"dmctl ended; seen: {self.seen!r}"
            return text in self.seen

        wait_for(shown, lambda: f"{text!r} is shown; seen: {self.seen!r}", timeout, interval=0.01)
        at = self.seen.index(text) + len(text)
        shown_text, self.seen = self.seen[:at], self.seen[at:]
        if text == "»":
            # The prompt is shown before the line is edited.
            wait_for(lambda: not termios.tcgetattr(self.fd)[3] & termios.ICANON, "the line is edited", timeout, interval=0.01)
        return shown_text

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Exit code."""
        def ended():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None

        try:
            status, = wait_for(ended, lambda: f"dmctl ends; seen: {self.seen!r}", timeout=20)
        except AssertionError:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_interactive_at_a_terminal(cluster, tmp_path):
    cluster.start_master()
    home = str(tmp_path)
    terminal = Terminal(cluster, home)
    terminal.read_until("»")
    # Completion: one candidate, then several, then what they share.
    terminal.send("query-st\t\r")
    terminal.read_until('"tasks": []')
    terminal.read_until("»")
    terminal.send("st\t")
    shown = terminal.read_until("stop-task")
    assert "start-relay" in shown and "start-task" in shown
    terminal.send("\x15list-m\t--lea\t\r")
    terminal.read_until('"name": "master1"')
    terminal.read_until("»")
    # A secret is not remembered; a line is, and comes back with the arrow.
    terminal.send("encrypt top-secret\r")
    terminal.read_until("»")
    terminal.send("nonsense\r")
    terminal.read_until('unknown command "nonsense"')
    terminal.read_until("»")
    terminal.send("\x1b[A\x1b[A\r")
    terminal.read_until('"name": "master1"')
    terminal.read_until("»")
    terminal.send("exit\r")
    assert terminal.end() == 0
    history = os.path.join(home, ".dmctl", "history")
    assert os.stat(history).st_mode & 0o777 == 0o600
    kept = open(history).read()
    assert "query-status" in kept and "nonsense" in kept and "top-secret" not in kept
    # The next one knows it.
    terminal = Terminal(cluster, home)
    terminal.read_until("»")
    terminal.send("\x1b[A\x1b[A\x1b[A\x1b[A\r")
    terminal.read_until('"result": true')
    terminal.read_until("»")
    terminal.send("exit\r")
    assert terminal.end() == 0


def test_interactive_without_a_terminal(cluster):
    cluster.start_master()
    done = subprocess.run([f"{BIN}/dmctl", f"--master-addr={cluster.address}"], text=True, cwd=cluster.dir,
                          input="query-status\n\nnonsense\nquery-status 'unbalanced\nexit\nquery-status\n",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == (
        '{\n    "result": true,\n    "msg": "",\n    "tasks": []\n}\n'
        'fail to run: [nonsense]\nError: unknown command "nonsense" for "dmctl"\nRun \'dmctl --help\' for usage.\n'
        'fail to run: [query-status \'unbalanced]\nError: unknown command "query-status \'unbalanced" for "dmctl"\n'
        'Run \'dmctl --help\' for usage.\n')


def _etcd(cluster, *args, **more):
    return subprocess.run(["etcdctl", "--endpoints", cluster.address, *args], check=True, text=True,
                          env={**os.environ, "ETCDCTL_API": "3"}, stdout=subprocess.PIPE, timeout=20, **more).stdout


def test_paused_task_takes_changes_over_when_it_is_resumed(cluster, pair, started):
    """The stored configuration of a paused task is replaced: what may change in place is in force after resume-task,
    what may not is refused with a warning, and the task goes on."""
    upstream, downstream = pair
    key = f"/dm-master/upstream/subtask/{'src-1'.encode().hex()}/{'ctl'.encode().hex()}"
    log = os.path.join(cluster.dir, "worker1", "dm-worker.log")
    record = _etcd(cluster, "get", key, "--print-value-only").rstrip("\n") + "\n"
    assert 'do-dbs = ["ctl"]' in record, record
    cluster.ctl("pause-task", "ctl")
    upstream.run("CREATE TABLE ctl.no (id INT PRIMARY KEY)", "INSERT INTO ctl.no VALUES (1)", "INSERT INTO ctl.t VALUES (2, 2)")
    changed = record.replace('do-dbs = ["ctl"]', 'do-dbs = ["ctl"]\n\n  [[block-allow-list.ignore-tables]]\n'
                             '    db-name = "ctl"\n    tbl-name = "no"\n')
    _etcd(cluster, "put", key, input=changed)
    cluster.ctl("resume-task", "ctl")
    cluster.wait_synced("ctl", upstream)
    assert downstream.value("SELECT COUNT(*) FROM ctl.t") == 2
    assert not downstream.run("SHOW TABLES IN ctl LIKE 'no'")
    assert "the changed configuration is taken over" in open(log).read()
    # Safe mode may not.
    cluster.ctl("pause-task", "ctl")
    assert "safe-mode = false" in changed
    _etcd(cluster, "put", key, input=changed.replace("safe-mode = false", "safe-mode = true"))
    cluster.ctl("resume-task", "ctl")
    upstream.run("INSERT INTO ctl.t VALUES (3, 3)")
    cluster.wait_synced("ctl", upstream)
    wait_for(lambda: "the changed configuration cannot be taken over" in open(log).read(), "the worker says so", 30)
    assert "`safe-mode` differs" in open(log).read()
    assert downstream.value("SELECT COUNT(*) FROM ctl.t") == 3
    # A task that is there is not started again, paused or not; a source is not changed.
    cluster.ctl("pause-task", "ctl")
    again = cluster.ctl("start-task", started, check=False)
    assert "46014" in again.out and "already exist" in again.out
    assert cluster.status("ctl")["stage"] == "Paused"
    update = cluster.ctl("operate-source", "update", os.path.join(cluster.dir, "src-1.yaml"), check=False)
    assert update.json == {"result": False, "msg": "Update worker config is not supported by dm-ha now", "sources": []}
