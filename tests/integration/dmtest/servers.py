"""Real database servers with private data directories."""
import contextlib
import fcntl
import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import weakref

import pymysql

from .ports import free_port
from .process import Process
from .waiting import wait_for

ANSWER = 120  # seconds: whoever has no answer to a statement by then gets error 2013
LOCK = 100  # seconds: who waits so long for a lock of a table gets error 1205 (servers' own default: a day, or a year)
REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
USER, PASSWORD = "dm", "dm-Pa55"


_connections, _numbers, _adding = weakref.WeakSet(), itertools.count(1), threading.Lock()


def connected(**how):
    """A connection of a test: nothing that it does waits for ever. `how`: of pymysql, whose limits may be others."""
    connection = pymysql.connect(**{"autocommit": True, "read_timeout": ANSWER, "write_timeout": ANSWER, **how})
    connection.query(f"SET SESSION lock_wait_timeout = {LOCK}")
    with _adding:
        connection.number = next(_numbers)
        _connections.add(connection)
    return connection


def now():
    """A moment, for `close_since`."""
    return next(_numbers)


def close_since(moment):
    """Closes the connections that were opened since. A test that failed has no more use for them, and their locks would keep later tests
    waiting as long as anybody has its traceback."""
    with _adding:
        late = [connection for connection in _connections if connection.number > moment]
    for connection in late:
        with contextlib.suppress(Exception):
            connection._force_close()  # its owner may still close it


class Server:
    """A server on 127.0.0.1 with the user dm, who may do everything."""

    flavor = None
    name = None
    status_statement = "SHOW MASTER STATUS"

    def __init__(self, directory, server_id, **options):
        self.dir = str(directory)
        self.server_id = server_id
        self.port = free_port()
        self.options = options
        self.environment = None  # more variables of its environment
        self.ssl = None  # how tests connect to a server that demands TLS (pymysql's `ssl`)
        self.process = None

    # -- for subclasses
    def template(self):
        raise NotImplementedError

    def argv(self):
        raise NotImplementedError

    def data(self):
        return os.path.join(self.dir, "data")

    def inner(self, path):
        """A path below the server's directory as the server sees it."""
        return path

    def demand_tls(self, authority, **certificate):
        """Before the start: clients have to use TLS. The certificate's files are `directory`/tls/server*.pem."""
        os.makedirs(self.dir, exist_ok=True)
        self.authority, self.ssl = authority, {"ca": authority.ca, "check_hostname": False}
        os.makedirs(os.path.join(self.dir, "tls"))
        self.show_certificate(**certificate)
        shutil.copy(authority.ca, os.path.join(self.dir, "tls", "ca.pem"))
        files = {kind: self.inner(os.path.join(self.dir, "tls", name))
                 for kind, name in (("ca", "ca.pem"), ("cert", "server.pem"), ("key", "server-key.pem"))}
        self.use_tls_files(files)
        return self

    def show_certificate(self, authority=None, **certificate):
        """Puts another certificate into the server's files."""
        made = (authority or self.authority).issue("server", **{"common_name": "db.example", **certificate})
        for path in (made.cert, made.key):
            os.chmod(path, 0o644)
            os.replace(path, os.path.join(self.dir, "tls", os.path.basename(path)))

    def use_tls_files(self, files):
        self.options.update({"require_secure_transport": "ON", **{f"ssl-{kind}": path for kind, path in files.items()}})

    # -- life
    def start(self):
        if not os.path.exists(self.data()):
            os.makedirs(self.dir, exist_ok=True)
            # auto.cnf: the server's UUID, which no two servers share.
            shutil.copytree(self.template(), self.data(), symlinks=True, ignore=shutil.ignore_patterns("auto.cnf"))
        # A starting MariaDB removes every #sql* file of its tmpdir: a shared one would cost another server its tables.
        os.makedirs(os.path.join(self.dir, "tmp"), exist_ok=True)
        self.process = Process(self.name, self.argv(), os.path.join(self.dir, "server.log"), env=self.environment)
        return self._started(timeout=90)

    def _started(self, timeout):
        self.process.start()
        try:
            wait_for(self._ready, lambda: f"{self.name} starts; its log:\n{self.process.tail()}", timeout)
            self._make_user()
        except BaseException:
            self.process.send(signal.SIGKILL)  # nobody else knows of it
            raise
        return self

    def _ready(self):
        assert self.process.alive(), f"{self.name} ended:\n{self.process.tail()}"
        try:
            self._as_root(read_timeout=10).close()
            return True
        except pymysql.err.OperationalError:
            return False

    def _as_root(self, **more):
        return connected(unix_socket=os.path.join(self.dir, "s.sock"), user="root", password="", **more)

    def _make_user(self):
        with self._as_root() as root:
            cursor = root.cursor()
            if self.flavor != "tidb":
                cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'")
            cursor.execute(f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION")

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def kill9(self):
        self.process.kill9()

    # -- use
    def connect(self, user=USER, password=PASSWORD, **more):
        if self.ssl:
            more.setdefault("ssl", self.ssl)
        return connected(host="127.0.0.1", port=self.port, user=user, password=password, charset="utf8mb4", **more)

    def run(self, *statements):
        """Executes statements on one new connection; rows of the last one."""
        with self.connect() as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            rows = cursor.fetchall()
        if any(statement.startswith("XA PREPARE") for statement in statements):
            self.wait_left(connection.thread_id())
        return rows

    def wait_left(self, thread):
        """Waits until the server has ended this connection: only then others can decide the transactions that it has prepared."""
        wait_for(lambda: not self.run(f"SELECT 1 FROM information_schema.processlist WHERE id = {thread}"), f"connection {thread} ends")

    def value(self, statement):
        rows = self.run(statement)
        return rows[0][0] if rows else None

    def script(self, text):
        """Executes a text of statements, each ending with ';' at the end of a line, on one connection."""
        with self.connect() as connection:
            cursor = connection.cursor()
            for statement in split_statements(text):
                cursor.execute(statement)


def split_statements(text):
    statements, lines = [], []
    for line in text.splitlines():
        if line.strip().startswith("-- ") or not line.strip():
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            statements.append("\n".join(lines).rstrip().rstrip(";"))
            lines = []
    assert not lines, f"no ';' at the end of: {lines}"
    return statements


def _made_once(path, make):
    """Directory `path`, made by `make(path)` by the first of several test processes."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            made = path + ".new"
            shutil.rmtree(made, ignore_errors=True)
            make(made)
            os.rename(made, path)
    return path


def _check(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, f"{argv} failed:\n{done.stdout}"


class MariaDb(Server):
    """MariaDB 10.11 of Debian 12."""

    flavor, name = "mariadb", "mariadb"

    def template(self):
        def make(path):
            _check(["mariadb-install-db", "--no-defaults", f"--datadir={path}", "--user=root",
                    "--auth-root-authentication-method=normal", "--skip-test-db",
                    "--innodb-log-file-size=16M"])

        return _made_once(os.path.join(tempfile.gettempdir(), f"dm-tests-{os.getuid()}", "mariadb-template"), make)

    def argv(self):
        options = {
            "datadir": self.data(), "socket": os.path.join(self.dir, "s.sock"), "port": self.port,
            "tmpdir": os.path.join(self.dir, "tmp"), "pid-file": os.path.join(self.dir, "pid"), "bind-address": "127.0.0.1", "user": "root",
            "server-id": self.server_id, "log-bin": "mysql-bin", "binlog-format": "ROW", "binlog-row-image": "FULL",
            "innodb-buffer-pool-size": "64M", "innodb-log-file-size": "16M", "max-connections": 300,
            "innodb-flush-log-at-trx-commit": 2, "sync-binlog": 0, "character-set-server": "utf8mb4",
            "skip-name-resolve": None, **self.options}
        return ["/usr/sbin/mariadbd", "--no-defaults"] + _as_flags(options)


class MySql9(Server):
    """MySQL 9 of Debian unstable, in a chroot."""

    flavor, name = "mysql", "mysql9"
    status_statement = "SHOW BINARY LOG STATUS"

    @classmethod
    def root(cls):
        return _other_server("mysql9")

    def __init__(self, directory, server_id, **options):
        self.inside, outside = _inside_chroot(self.root())
        super().__init__(outside, server_id, **options)

    def inner(self, path):
        return os.path.join(self.inside, os.path.relpath(path, self.dir))

    def template(self):
        def make(path):
            inside = os.path.relpath(path, self.root())
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _check(["chroot", self.root(), "/usr/sbin/mysqld", "--no-defaults", "--initialize-insecure",
                    f"--datadir=/{inside}", "--user=root", "--innodb-redo-log-capacity=32M"])

        return _made_once(os.path.join(self.root(), "data", "template"), make)

    def argv(self):
        options = {
            "datadir": self.inside + "/data", "socket": self.inside + "/s.sock", "port": self.port,
            "tmpdir": self.inside + "/tmp", "pid-file": self.inside + "/pid", "bind-address": "127.0.0.1", "user": "root", "mysqlx": "OFF",
            "server-id": self.server_id, "log-bin": "mysql-bin", "gtid-mode": "ON", "enforce-gtid-consistency": "ON",
            "innodb-buffer-pool-size": "64M", "innodb-use-native-aio": "OFF", "innodb-redo-log-capacity": "32M", "max-connections": 300,
            "innodb-flush-log-at-trx-commit": 2, "sync-binlog": 0, "performance-schema": "OFF",
            "secure-file-priv": "NULL", "skip-name-resolve": None, **self.options}
        return ["chroot", self.root(), "/usr/sbin/mysqld", "--no-defaults"] + _as_flags(options)

    def stop(self):
        super().stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class MariaDb11(Server):
    """MariaDB 11.8 of Debian unstable, in a chroot."""

    flavor, name = "mariadb", "mariadb11"

    @classmethod
    def root(cls):
        return _other_server("mariadb11")

    def __init__(self, directory, server_id, **options):
        self.inside, outside = _inside_chroot(self.root())
        super().__init__(outside, server_id, **options)

    def template(self):
        def make(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _check(["chroot", self.root(), "/usr/bin/mariadb-install-db", "--no-defaults", "--user=root",
                    f"--datadir=/{os.path.relpath(path, self.root())}", "--auth-root-authentication-method=normal",
                    "--skip-test-db", "--force", "--innodb-log-file-size=16M"])

        return _made_once(os.path.join(self.root(), "data", "template"), make)

    def argv(self):
        options = {
            "datadir": self.inside + "/data", "socket": self.inside + "/s.sock", "port": self.port,
            "tmpdir": self.inside + "/tmp", "pid-file": self.inside + "/pid", "bind-address": "127.0.0.1", "user": "root",
            "server-id": self.server_id, "log-bin": "mysql-bin", "binlog-format": "ROW",
            "innodb-buffer-pool-size": "64M", "innodb-log-file-size": "16M", "max-connections": 300,
            "innodb-flush-log-at-trx-commit": 2, "sync-binlog": 0, "skip-name-resolve": None, **self.options}
        return ["chroot", self.root(), "/usr/sbin/mariadbd", "--no-defaults"] + _as_flags(options)

    def stop(self):
        super().stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class MySql56(Server):
    """MySQL 5.6.24. GTIDs are off unless `gtid-mode` is given."""

    flavor, name = "mysql", "mysql56"

    @classmethod
    def root(cls):
        return os.path.join(_other_server("mysql56"), "package", "server")

    def template(self):
        return os.path.join(self.root(), "data", "mysql")

    def argv(self):
        options = {
            "basedir": self.root(), "lc-messages-dir": os.path.join(self.root(), "share"), "datadir": self.data(),
            "character-sets-dir": os.path.join(self.root(), "share", "charsets"),
            "socket": os.path.join(self.dir, "s.sock"), "port": self.port, "tmpdir": os.path.join(self.dir, "tmp"),
            "pid-file": os.path.join(self.dir, "pid"), "bind-address": "127.0.0.1", "user": "root",
            "server-id": self.server_id, "log-bin": "mysql-bin", "binlog-format": "ROW",
            "character-set-server": "utf8mb4", "innodb-buffer-pool-size": "64M", "innodb-log-file-size": "16M",
            "innodb-file-format": "Barracuda", "innodb-large-prefix": "ON", "max-connections": 300,
            "innodb-flush-log-at-trx-commit": 2, "sync-binlog": 0, "performance-schema": "OFF",
            "explicit-defaults-for-timestamp": None, "skip-name-resolve": None,
            "innodb-use-native-aio": "OFF",  # the machine has few
            **self.options}
        if str(self.options.get("gtid_mode", "OFF")).upper() == "ON":
            options.update({"enforce-gtid-consistency": None, "log-slave-updates": None})
        return ["env", f"LD_LIBRARY_PATH={self.root()}", os.path.join(self.root(), "mysqld"), "--no-defaults"] + \
            _as_flags(options)

    def _make_user(self):
        with self._as_root() as root:
            cursor = root.cursor()
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(f"GRANT ALL ON *.* TO '{USER}'@'%' IDENTIFIED BY '{PASSWORD}' WITH GRANT OPTION")


def time_zone_sql(name):
    """What puts a named time zone into the tables of a server. (Debian 12 has the tool in no package without a service.)"""
    made = subprocess.run(["chroot", MySql9.root(), "/usr/bin/mysql_tzinfo_to_sql", f"/usr/share/zoneinfo/{name}", name], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=60).stdout
    return made.replace(" Offset,", " `Offset`,")  # a word of its own in MariaDB


@functools.lru_cache(maxsize=None)
def _other_server(kind):
    """Directory of a server that Debian 12 has not."""
    return subprocess.run([os.path.join(REPO, "scripts", "mysql-chroot"), kind], check=True, stdout=subprocess.PIPE,
                          text=True, timeout=3600).stdout.strip()


def _inside_chroot(root):
    """A new directory for a server in a chroot, as seen from inside and from outside."""
    inside = os.path.join("data", f"run-{os.getpid()}-{time.monotonic_ns()}")
    return "/" + inside, os.path.join(root, inside)


class TiDb(Server):
    """TiDB 8.1 in one process (scripts/tidb-server). Has no binlog: downstream only."""

    flavor, name = "tidb", "tidb"
    configuration = "new_collations_enabled_on_first_bootstrap = true\n"
    _binary = None

    @classmethod
    def binary(cls):
        if cls._binary is None:
            cls._binary = subprocess.run([os.path.join(REPO, "scripts", "tidb-server")], check=True,
                                         stdout=subprocess.PIPE, text=True, timeout=3600).stdout.strip()
        return cls._binary

    def __init__(self, directory, server_id, **options):
        super().__init__(directory, server_id, **options)
        self.status_port = free_port()

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        with open(os.path.join(self.dir, "c.toml"), "w") as f:
            # Built from a module it does not know its version.
            f.write('server-version = "8.0.11-TiDB-v8.1.0"\n' + self.configuration)
        self.process = Process(self.name, self.argv(), os.path.join(self.dir, "server.log"), cwd=self.dir)
        return self._started(timeout=120)

    def use_tls_files(self, files):
        self.configuration += "[security]\nrequire-secure-transport = true\n"
        self.configuration += "".join(f'ssl-{kind} = "{path}"\n' for kind, path in files.items())

    def argv(self):
        options = {
            "P": self.port, "status": self.status_port, "host": "127.0.0.1", "store": "unistore", "path": self.data(),
            "socket": os.path.join(self.dir, "s.sock"), "config": os.path.join(self.dir, "c.toml"),
            "log-file": os.path.join(self.dir, "tidb.log"), "temp-dir": os.path.join(self.dir, "tmp"), **self.options}
        argv = [self.binary()]
        for key, value in options.items():
            argv += [f"-{key}", str(value)]
        return argv


class TiDbOld(TiDb):
    """TiDB as a cluster that was made before 4.0 has it: everything is compared by its bytes. Transactions are small."""

    name = "tidbold"
    configuration = "new_collations_enabled_on_first_bootstrap = false\n[performance]\ntxn-total-size-limit = 800000\n"


def _as_flags(options):
    flags = []
    for key, value in options.items():
        key = key.replace("_", "-")
        flags.append(f"--{key}" if value is None else f"--{key}={value}")
    return flags
