"""TLS to databases that demand it, and what happens when the other side is not the right one."""
import base64
import os

import pymysql
import pytest

from dmtest.certificates import Authority
from dmtest.compare import difference
from dmtest.servers import PASSWORD, USER, MariaDb, MySql9, MySql56, TiDb

LONG_PASSWORD = "a-password-of-sixty-characters-" + "x" * 29


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(authority, tmp_path_factory):
    """Servers that demand TLS, by kind; user `x509` needs a certificate of the authority as well."""
    directory, running = tmp_path_factory.mktemp("secure"), {}

    def get(kind):
        if kind not in running:
            server = {"mariadb": MariaDb, "mysql9": MySql9, "tidb": TiDb}[kind](directory / kind, 200 + len(running))
            server.demand_tls(authority, hosts=("127.0.0.1",)).start()
            server.run(f"CREATE USER 'x509'@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE X509",
                       "GRANT ALL ON *.* TO 'x509'@'%' WITH GRANT OPTION")
            running[kind] = server
        return running[kind]

    yield get
    for server in running.values():
        server.stop()


@pytest.fixture(scope="module")
def client(authority):
    return authority.issue("client", "dm", hosts=())


def paths(authority, client):
    return {"ssl-ca": authority.ca, "ssl-cert": client.cert, "ssl-key": client.key}


def content(path):
    with open(path, "rb") as f:
        return f.read()


def inline(authority, client, form):
    files = {"ca": authority.ca, "cert": client.cert, "key": client.key}
    if form == "base64":
        return {f"ssl-{kind}-base64": base64.b64encode(content(path)).decode() for kind, path in files.items()}
    return {f"ssl-{kind}-bytes": list(content(path)) for kind, path in files.items()}


def start(cluster, name, source, upstream, downstream, security_up, security_down, user="x509"):
    upstream.run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}",
                 f"CREATE TABLE {name}.t (id INT PRIMARY KEY, v VARCHAR(40))",
                 f"INSERT INTO {name}.t VALUES (1, 'one'), (2, 'two')")
    downstream.run(f"DROP DATABASE IF EXISTS {name}", f"DROP DATABASE IF EXISTS dm_{name}")
    cluster.create_source(source, upstream, **{"from": {"user": user, "security": security_up}})
    target = {} if security_down is None else {"target-database": {"user": user, "security": security_down}}
    task = cluster.task_file(name, [source], downstream, [name], **{"meta-schema": f"dm_{name}", **target})
    cluster.ctl("start-task", task)
    cluster.wait_stage(name, "Running", "Sync")
    return task


def equal(cluster, name, upstream, downstream):
    cluster.wait_synced(name, upstream)
    found = difference(upstream, downstream, {name: name})
    assert found is None, found


def secrets_shown(cluster, keys):
    """Files of the cluster's logs in which a part of a private key or a password stands."""
    needles = [PASSWORD.encode()]
    for key in keys:
        pem = content(key)
        body = b"".join(pem.splitlines()[1:-1])
        needles += [body[20:60], base64.b64encode(pem)[60:100], ", ".join(map(str, pem[40:60])).encode(),
                    " ".join(map(str, pem[40:60])).encode(), ",".join(map(str, pem[40:60])).encode()]
    found = []
    for directory, _, files in os.walk(cluster.dir):
        for file in files:
            if file.endswith(".log"):
                text = content(os.path.join(directory, file))
                found += [(file, needle) for needle in needles if needle in text]
    return found


@pytest.mark.parametrize("up,down,form", [("mariadb", "mysql9", "base64"), ("mysql9", "mariadb", "bytes"),
                                          ("mysql9", "tidb", "path")])
def test_full_migration_and_replication_between_servers_that_demand_tls(cluster, secure, authority, client, up, down,
                                                                         form):
    upstream, downstream = secure(up), secure(down)
    given = paths(authority, client) if form == "path" else inline(authority, client, form)
    with_names = {**given, "cert-allowed-cn": ["other", "db.example"]}
    cluster.start_master()
    cluster.start_worker("worker1")
    start(cluster, "secure", "src", upstream, downstream, with_names, given)
    upstream.run("INSERT INTO secure.t VALUES (3, 'three')", "UPDATE secure.t SET v = 'zwei' WHERE id = 2",
                 "CREATE TABLE secure.u (id INT PRIMARY KEY)", "INSERT INTO secure.u VALUES (1)")
    equal(cluster, "secure", upstream, downstream)
    # The task's account can do nothing without encryption.
    for server in (upstream, downstream):
        with pytest.raises(pymysql.err.OperationalError):
            pymysql.connect(host="127.0.0.1", port=server.port, user="x509", password=PASSWORD, ssl_disabled=True)
    shown = cluster.ctl("config", "source", "src").out + cluster.ctl("config", "task", "secure").out
    assert "BEGIN" not in shown and PASSWORD not in shown
    key = content(client.key)
    assert base64.b64encode(key)[40:80].decode() not in shown
    assert str(list(key[40:60]))[1:-1] not in shown.replace("\\n", " ")
    assert secrets_shown(cluster, [client.key]) == []


def test_mysql_5_6(cluster, servers, tmp_path):
    """TLS 1.0, no secure renegotiation, a Diffie-Hellman prime of 512 bits."""
    authority, stranger = Authority(tmp_path / "early", early=True), Authority(tmp_path / "stranger", "stranger", early=True)
    upstream, downstream = MySql56(tmp_path / "up", 230), servers.get("mariadb", "down")
    upstream.demand_tls(authority, hosts=("127.0.0.1",))
    del upstream.options["require_secure_transport"]  # not there yet
    upstream.ssl = None
    upstream.start()
    try:
        upstream.run(f"GRANT ALL ON *.* TO 'tls'@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL")
        cluster.start_master()
        cluster.start_worker("worker1")
        assert "the server's certificate is not accepted" in refusal(cluster, upstream, {"ssl-ca": stranger.ca}, user="tls")
        start(cluster, "early", "src", upstream, downstream, {"ssl-ca": authority.ca}, None, user="tls")
        upstream.run("INSERT INTO early.t VALUES (3, 'three')")
        equal(cluster, "early", upstream, downstream)
    finally:
        upstream.stop()


def refusal(cluster, server, security, **more):
    """What dmctl says of a source that is not taken."""
    answer = cluster.create_source("refused", server, check=False, **{"from": {"security": security, **more}})
    if answer.ok:
        cluster.ctl("operate-source", "stop", "refused")
    assert not answer.ok, answer
    return answer.out


def accepted(cluster, server, security, **more):
    cluster.create_source("accepted", server, **{"from": {"security": security, **more}})
    cluster.ctl("operate-source", "stop", "accepted")


def test_the_wrong_server_is_refused_by_name(shared_cluster, secure, servers, authority, client, tmp_path):
    cluster, server = shared_cluster, secure("mariadb")
    stranger = Authority(tmp_path / "stranger", "stranger")
    accepted(cluster, server, {"ssl-ca": authority.ca})
    out = refusal(cluster, server, {"ssl-ca": stranger.ca})
    assert "code=10001" in out and "the server's certificate is not accepted: " in out, out
    assert "self-signed certificate in certificate chain (certificate CN=test ca" in out and "`security`" in out, out
    assert "common name is not in cert-allowed-cn" in refusal(cluster, server, {"ssl-ca": authority.ca,
                                                                                "cert-allowed-cn": ["else"]})
    assert "hostname mismatch" in refusal(
        cluster, server, {"ssl-ca": authority.ca, "cert-allowed-cn": ["db.example"]}, host="localhost")
    accepted(cluster, server, {"ssl-ca": authority.ca}, host="localhost")
    # A server without TLS gets nothing but an error.
    plain = servers.get("mariadb", "up")
    assert "TLS requested but server does not support TLS" in refusal(cluster, plain, {"ssl-ca": authority.ca})
    # Material of our own that cannot be used.
    assert "code=48003" in refusal(cluster, server, {"ssl-ca": str(tmp_path / "nofile.pem")})
    assert "ssl-key-base64 is not base64: it was hidden" in refusal(
        cluster, server, {"ssl-ca": authority.ca, "ssl-cert": client.cert, "ssl-key-base64": "******"})
    out = refusal(cluster, server, {"ssl-ca": authority.ca, "ssl-cert": client.cert})
    assert "code=11112" in out and "given together" in out
    other = authority.issue("other", "dm")
    out = refusal(cluster, server, {"ssl-ca": authority.ca, "ssl-cert": client.cert, "ssl-key": other.key})
    assert "code=11112" in out and "does not belong to the certificate" in out
    # Ours is not accepted by the server.
    made = stranger.issue("client", "dm")
    out = refusal(cluster, server, {"ssl-ca": authority.ca, "ssl-cert": made.cert, "ssl-key": made.key}, user="x509")
    assert "TLS" in out or "Access denied" in out
    assert "Access denied" in refusal(cluster, server, {"ssl-ca": authority.ca}, user="x509")


def test_an_expired_certificate_stops_new_connections_until_it_is_renewed(cluster, secure, authority):
    upstream, downstream = secure("mariadb"), secure("mysql9")
    cluster.start_master()
    cluster.start_worker("worker1")
    trust = {"ssl-ca": authority.ca}
    task = start(cluster, "renewed", "src", upstream, downstream, trust, trust, user=USER)
    cluster.ctl("pause-task", "renewed")
    try:
        upstream.show_certificate(since=-20, until=-10)
        upstream.run("FLUSH SSL")
        cluster.ctl("resume-task", "renewed", check=False)
        error = cluster.wait_error("renewed", phrase="certificate has expired on ")
        assert error["ErrScope"] == "upstream", error
        assert "certificate has expired" in cluster.ctl("check-task", task, check=False).out
    finally:
        upstream.show_certificate(hosts=("127.0.0.1",))
        # A client that does not look at dates.
        with upstream.connect(ssl={"ca": None, "verify_mode": False, "check_hostname": False}) as connection:
            connection.cursor().execute("FLUSH SSL")
    upstream.run("INSERT INTO renewed.t VALUES (3, 'three')")
    cluster.ctl("resume-task", "renewed")
    equal(cluster, "renewed", upstream, downstream)


def test_content_is_kept_in_the_cluster_so_that_another_worker_needs_no_file(cluster, secure, authority, tmp_path):
    upstream, downstream = secure("mysql9"), secure("mariadb")
    lent = {"ssl-ca": str(tmp_path / "ca.pem"), "ssl-cert": str(tmp_path / "c.pem"), "ssl-key": str(tmp_path / "k.pem")}
    client = authority.issue("moved", "dm", hosts=())
    for path, source in zip(lent.values(), (authority.ca, client.cert, client.key)):
        with open(path, "wb") as f:
            f.write(content(source))
    cluster.start_master()
    for worker in ("worker1", "worker2"):
        cluster.start_worker(worker)
    start(cluster, "moved", "src", upstream, downstream, lent, lent)
    for path in lent.values():
        os.unlink(path)
    cluster.take_over("src")
    upstream.run("INSERT INTO moved.t VALUES (3, 'three')")
    cluster.wait_stage("moved", "Running", "Sync")
    equal(cluster, "moved", upstream, downstream)


def test_a_long_password_logs_in_with_and_without_tls(shared_cluster, secure, servers, authority):
    for server, security in ((secure("mysql9"), {"ssl-ca": authority.ca}), (servers.get("mysql9", "up"), None)):
        server.run("DROP USER IF EXISTS 'long'@'%'",
                   f"CREATE USER 'long'@'%' IDENTIFIED WITH caching_sha2_password BY '{LONG_PASSWORD}'",
                   "GRANT ALL ON *.* TO 'long'@'%'")
        # The first login is a full one; what the server remembers makes the next ones short.
        for _ in range(2):
            accepted(shared_cluster, server, security, user="long", password=LONG_PASSWORD)
        server.run("FLUSH PRIVILEGES")
        accepted(shared_cluster, server, security, user="long", password=LONG_PASSWORD)
        assert "Access denied" in refusal(shared_cluster, server, security, user="long", password="x" * 60)
