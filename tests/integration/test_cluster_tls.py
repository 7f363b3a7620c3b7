"""TLS between dmctl, dm-master, its etcd and dm-workers."""
import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from dmtest.certificates import Authority
from dmtest.cluster import BIN, Cluster, ClusterTls
from dmtest.compare import difference
from dmtest.ports import free_port
from dmtest.process import Process


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("cluster-tls"))


@pytest.fixture
def secure(tmp_path, authority):
    cluster = Cluster(tmp_path / "cluster", tls=ClusterTls(authority))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def standing(tmp_path_factory, authority):
    """A cluster with one worker that tests only look at."""
    cluster = Cluster(tmp_path_factory.mktemp("standing"), tls=ClusterTls(authority))
    cluster.start_master()
    cluster.start_worker("worker1")
    yield cluster
    cluster.stop()


def program(name):
    return "dm-master" if name.startswith("master") else "dm-worker"


def der(path):
    with open(path) as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def shown_certificate(cluster, port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with cluster.tls.context().wrap_socket(plain, server_hostname="127.0.0.1") as secured:
            return secured.getpeercert(binary_form=True)


def test_a_worker_takes_over_with_renewed_certificates(secure, servers, authority):
    cluster = secure
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    upstream.run("DROP DATABASE IF EXISTS ctls", "CREATE DATABASE ctls", "CREATE TABLE ctls.t (id INT PRIMARY KEY)",
                 "INSERT INTO ctls.t VALUES (1), (2)")
    downstream.run("DROP DATABASE IF EXISTS ctls", "DROP DATABASE IF EXISTS dm_ctls")
    cluster.start_master()
    for worker in ("worker1", "worker2"):
        cluster.start_worker(worker)
    cluster.create_source("src", upstream)
    cluster.ctl("start-task", cluster.task_file("ctls", ["src"], downstream, ["ctls"], **{"meta-schema": "dm_ctls"}))
    cluster.wait_stage("ctls", "Running", "Sync")
    for name, port in (("master1", cluster.port), ("worker1", cluster.workers["worker1"].port),
                       ("worker2", cluster.workers["worker2"].port)):
        file = cluster.tls.of(program(name)).cert
        before = shown_certificate(cluster, port)
        assert before == der(file)
        # New connections use a certificate that takes its place.
        cluster.tls.authority.issue(program(name), "dm")
        assert shown_certificate(cluster, port) == der(file) != before
    cluster.take_over("src")
    upstream.run("INSERT INTO ctls.t VALUES (3)")
    cluster.wait_stage("ctls", "Running", "Sync")
    cluster.wait_synced("ctls", upstream)
    assert difference(upstream, downstream, {"ctls": "ctls"}) is None
    members = cluster.ctl("list-member", "--master").json["members"][0]["master"]["masters"]
    assert [m["alive"] for m in members] == [True]
    assert members[0]["clientURLs"] == [f"https://{cluster.address}"]
    assert members[0]["peerURLs"] == [f"https://127.0.0.1:{cluster.peer_port}"]
    # A restarted dm-master takes the cluster up again.
    cluster.master.stop()
    cluster.start_master()
    upstream.run("INSERT INTO ctls.t VALUES (4)")
    cluster.wait_synced("ctls", upstream)
    assert difference(upstream, downstream, {"ctls": "ctls"}) is None
    for name in ("master1", "worker1", "worker2"):
        assert "TLS handshake with a client failed" not in cluster.log(name, lines=100000)


def test_http_and_etcd_on_the_same_port(standing, authority):
    cluster = standing
    worker = cluster.workers["worker1"].port
    assert "Release Version" in cluster.http("/status")
    assert "Release Version" in cluster.http("/status", port=worker)
    metrics = cluster.http("/metrics")
    assert "dm_master_start_leader_counter" in metrics and "etcd_server_has_leader 1" in metrics
    assert "dm_worker_cpu_usage" in cluster.http("/metrics", port=worker)
    assert cluster.http("/health") == '{"health":"true"}'
    assert '"worker1"' in cluster.http("/apis/v1alpha1/members?worker=true")
    own = cluster.tls.of("python")
    done = subprocess.run(
        ["etcdctl", f"--endpoints=https://{cluster.address}", f"--cacert={authority.ca}", f"--cert={own.cert}",
         f"--key={own.key}", "get", "--prefix", "/dm-master/leader"], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=20, env={**os.environ, "ETCDCTL_API": "3"})
    assert done.returncode == 0 and "master1" in done.stdout, done


def test_who_may_not_come_in(standing, authority, tmp_path):
    cluster = standing
    stranger = Authority(tmp_path / "stranger", "stranger")
    cases = {
        "wrong name": (authority.issue("wrong-name", "somebody"), "alert"),
        "expired": (authority.issue("expired", "dm", since=-20, until=-10), "alert certificate expired"),
        "other ca": (stranger.issue("other", "dm"), "alert unknown ca"),
    }
    for what, (certificate, reason) in cases.items():
        answer = cluster.ctl("list-member", "--ssl-cert", certificate.cert, "--ssl-key", certificate.key, check=False)
        assert answer.code == 1 and "code=48001" in answer.err and reason in answer.err, f"{what}: {answer}"
        for port in (cluster.port, cluster.workers["worker1"].port):
            with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
                urllib.request.urlopen(f"https://127.0.0.1:{port}/status", timeout=10,
                                       context=cluster.tls.context(certificate))
    # Without a certificate, and without TLS at all.
    answer = cluster.ctl("list-member", f"--ssl-ca={authority.ca}", tls=False, check=False)
    assert "alert certificate required" in answer.err, answer
    answer = cluster.ctl("list-member", tls=False, check=False)
    assert f"{cluster.address} demands TLS" in answer.err, answer
    for port in (cluster.port, cluster.workers["worker1"].port):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10)
        assert "HTTP request to an HTTPS server" in refused.value.read().decode()
    log = cluster.log("master1", lines=100000)
    assert "TLS handshake with a client failed" in log and "not in cert-allowed-cn (certificate CN=somebody)" in log


def test_the_wrong_master_is_named(standing, authority, tmp_path):
    cluster = standing
    stranger = Authority(tmp_path / "stranger", "stranger")
    answer = cluster.ctl("list-member", f"--ssl-ca={stranger.ca}", check=False)
    assert "code=48001" in answer.err and "unable to get local issuer certificate" in answer.err, answer
    config = tmp_path / "dmctl.toml"
    own = cluster.tls.of("dmctl")
    lines = f"master-addr = '{cluster.address}'\nssl-ca = '{authority.ca}'\nssl-cert = '{own.cert}'\nssl-key = '{own.key}'\n"
    config.write_text(lines + "cert-allowed-cn = ['dm']\n")
    assert cluster.ctl("list-member", f"--config={config}", tls=False).ok
    config.write_text(lines + "cert-allowed-cn = ['else']\n")
    answer = cluster.ctl("list-member", f"--config={config}", tls=False, check=False)
    assert "not in cert-allowed-cn (certificate CN=dm)" in answer.err, answer
    assert "code=48002" in cluster.ctl("list-member", "--ssl-ca=/nonexistent/ca.pem", check=False).err


def run_to_end(name, program, tmp_path, *flags):
    process = Process(name, [f"{BIN}/{program}", f"--log-file={tmp_path}/{name}.log", *flags], tmp_path / f"{name}.out",
                      cwd=str(tmp_path))
    process.start()
    code = process.wait(60)
    with open(tmp_path / f"{name}.out", errors="replace") as out:
        text = out.read()
    if os.path.exists(tmp_path / f"{name}.log"):
        with open(tmp_path / f"{name}.log", errors="replace") as log:
            text += log.read()
    return code, text


def test_programs_that_cannot_start(standing, authority, tmp_path):
    wrong = authority.issue("worker-wrong-name", "somebody")
    worker = [f"--worker-addr=127.0.0.1:{free_port()}", f"--join={standing.address}", f"--ssl-ca={authority.ca}"]
    code, text = run_to_end("refused", "dm-worker", tmp_path, *worker, f"--ssl-cert={wrong.cert}", f"--ssl-key={wrong.key}")
    assert code == 2 and "code=40077" in text and "alert" in text, text
    code, text = run_to_end("no-ca", "dm-worker", tmp_path, *worker[:2], "--ssl-ca=/nonexistent/ca.pem")
    assert code == 2 and "could not read ca certificate" in text, text
    master = [f"--master-addr=127.0.0.1:{free_port()}", f"--peer-urls=127.0.0.1:{free_port()}", f"--data-dir={tmp_path}/data",
              f"--ssl-ca={authority.ca}"]
    own = authority.issue("master-own", "dm")
    code, text = run_to_end("no-cert", "dm-master", tmp_path, *master)
    assert code == 2 and "code=38038" in text and "`ssl-cert` and `ssl-key` are not" in text, text
    code, text = run_to_end("wrong-key", "dm-master", tmp_path, *master, f"--ssl-cert={own.cert}", f"--ssl-key={wrong.key}")
    assert code == 2 and "code=38038" in text and "does not belong to the certificate" in text, text


def test_configurations_show_no_key(tmp_path, authority):
    import base64

    own = authority.issue("inline", "dm")
    encoded = {kind: base64.b64encode(open(path, "rb").read()).decode()
               for kind, path in (("ca", authority.ca), ("cert", own.cert), ("key", own.key))}
    cluster = Cluster(tmp_path / "cluster", tls=ClusterTls(authority))
    cluster.tls.flags = lambda name: [f"--config={tmp_path}/tls.toml"]
    (tmp_path / "tls.toml").write_text("".join(f'ssl-{k}-base64 = "{v}"\n' for k, v in encoded.items()) +
                                       'cert-allowed-cn = ["dm"]\n')
    try:
        cluster.start_master()
        cluster.start_worker("worker1")
        for shown in (cluster.ctl("config", "master", "master1").out, cluster.ctl("config", "worker", "worker1").out):
            assert "ssl-key-base64" in shown and encoded["key"][40:80] not in shown, shown
        for name in ("master1", "worker1"):
            assert encoded["key"][40:80] not in cluster.log(name, lines=100000)
        run = os.path.join(cluster.dir, "master1", "data", "run")
        assert os.stat(os.path.join(run, "peer-key.pem")).st_mode & 0o777 == 0o600
    finally:
        cluster.stop()
