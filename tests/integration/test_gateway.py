"""The JSON form of dm-master's requests under /apis/v1alpha1."""
import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml

from dmtest.proxy import Proxy
from dmtest.servers import PASSWORD, USER
from dmtest.waiting import wait_for


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)


@pytest.fixture
def call(cluster):
    def call(method, path, body=None, content_type=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{cluster.address}/apis/v1alpha1/{path}", data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", content_type or "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as e:
            return Answer(e.code, e.headers, e.read().decode())

    return call


NOT_IMPLEMENTED = '{\n  "code": 12,\n  "message": "Not Implemented",\n  "details": [\n  ]\n}'


def refusal(message):
    return f'{{\n  "code": 3,\n  "message": {json.dumps(message)},\n  "details": [\n  ]\n}}'


def test_life_of_a_task(cluster, call, servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run("DROP DATABASE IF EXISTS gate")
    downstream.run("DROP DATABASE IF EXISTS dm_gate")
    upstream.run("CREATE DATABASE gate", "CREATE TABLE gate.t (id INT PRIMARY KEY)", "INSERT INTO gate.t VALUES (1)")
    cluster.start_master()
    cluster.start_worker("worker1")

    source = yaml.safe_dump({"source-id": "src-1", "from": {"host": "127.0.0.1", "port": upstream.port, "user": USER,
                                                              "password": PASSWORD}})
    created = call("PUT", "sources", {"op": 1, "config": [source]})
    assert created.status == 200, created.text
    assert created.text.count('"result": true') == 2 and created.text.count("src-1") == 1
    assert created.headers["Content-Type"] == "application/json"
    assert created.headers["Grpc-Metadata-Content-Type"] == "application/grpc"
    assert call("PUT", "sources", {"op": "ShowSource"}).text == (
        '{\n  "result": true,\n  "msg": "",\n  "sources": [\n    {\n      "result": true,\n      "msg": "",\n'
        '      "source": "src-1",\n      "worker": "worker1"\n    }\n  ]\n}')

    assert call("GET", "status/test").json == {"result": False, "msg": "task test has no source or not exist", "sources": []}
    assert call("GET", "status/test").text.endswith('  "sources": [\n  ]\n}')
    task = open(cluster.task_file("test", ["src-1"], downstream, ["gate"], **{"meta-schema": "dm_gate"})).read()
    # curl's -d says that it is a form.
    started = call("POST", "tasks", {"task": task, "nonsense": 1}, "application/x-www-form-urlencoded")
    assert started.status == 200 and started.text.count('"result": true') == 2, started.text
    assert started.json["sources"] == [{"result": True, "msg": "", "source": "src-1", "worker": "worker1"}]
    cluster.wait_stage("test", "Running", "Sync")
    status = call("GET", "status/test?sources=src-1")
    assert status.text.count('"stage": "Running"') == 1 and status.text.count('"name": "test"') == 1
    sync = status.json["sources"][0]["subTaskStatus"][0]["sync"]
    assert isinstance(sync["totalRows"], str) and sync["blockingDDLs"] == [] and "synced" in sync
    everything = call("GET", "status/")
    assert everything.status == 200 and everything.text.count('"name": "test"') == 1
    assert call("GET", "status/nosuch?sources=src-9").json["msg"] == "sources [src-9] haven't been added"
    stored = call("GET", "subtasks/test").json["cfgs"][0]
    assert "is-sharding = false" in stored and 'password = "******"' in stored and PASSWORD not in stored
    assert call("GET", "tasks/test?type=TaskType").json["cfg"].startswith("name: test\n")
    assert call("GET", "tasks/test?type=1").json["cfg"] == call("GET", "tasks/test?type=TaskType").json["cfg"]
    assert call("GET", "tasks/test").json["result"] is False
    again = call("POST", "tasks", {"task": task})
    assert again.status == 200 and "already exist" in again.json["msg"]

    paused = call("PUT", "tasks/test", {"op": 2, "name": "the path wins"})
    assert paused.json == {"op": "Pause", "result": True, "msg": "",
                           "sources": [{"result": True, "msg": "", "source": "src-1", "worker": "worker1"}]}
    assert call("GET", "status/test").text.count('"stage": "Paused"') == 1
    updated = call("PUT", "tasks", {"task": task.replace("batch: 100", "batch: 99"), "sources": ["src-1"]})
    assert updated.status == 200 and updated.json["result"] is True and updated.json["sources"] == [
        {"result": True, "msg": "", "source": "src-1", "worker": "worker1"}], updated.text
    assert "batch = 99" in call("GET", "subtasks/test").json["cfgs"][0]
    assert call("PUT", "tasks/test", {"op": 3}).json["op"] == "Resume"
    members = call("GET", "members?leader=true&master=true&worker=true").json["members"]
    assert [list(member) for member in members] == [["leader"], ["master"], ["worker"]]
    assert members[2]["worker"]["workers"][0]["stage"] == "bound"
    assert isinstance(members[1]["master"]["masters"][0]["memberID"], str)
    form = urllib.parse.urlencode({"leader": "true"}).encode()
    assert len(call("POST", "members", form, "application/x-www-form-urlencoded").json["members"]) == 1
    assert call("GET", "members?worker=1&names=nosuch").json["members"] == [{"worker": {"msg": "", "workers": []}}]

    deleted = call("PUT", "tasks/test", {"op": "Delete"})
    assert deleted.json["result"] is True, deleted.text
    assert call("GET", "status/test").json["result"] is False
    cluster.workers["worker1"].kill9()
    wait_for(lambda: cluster.worker_stage("worker1") == "offline", "the worker is offline", 30)
    assert call("DELETE", "members/worker/worker1").json == {"result": True, "msg": ""}
    assert "not exists" in call("DELETE", "members/worker/worker1").json["msg"]
    assert call("DELETE", "members/nonsense/worker1").json["result"] is False


def test_what_cannot_be_read(cluster, call):
    cluster.start_master()
    for method, path in (("GET", "nonsense"), ("GET", "status"), ("DELETE", "members"), ("POST", "sources"),
                         ("POST", "tasks/check"), ("GET", "config?type=TaskType&name=x"), ("PUT", "relay/purge"),
                         ("PUT", "tasks/x/ddl-locks"), ("GET", "status/a:b"), ("GET", "")):
        answer = call(method, path, None if method in ("GET", "DELETE") else b"{}")
        assert (answer.status, answer.text) == (501, NOT_IMPLEMENTED), (method, path, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
    for method, path, body, message in (
            ("PUT", "leader/9", b"", "type mismatch, parameter: op, error: 9 is not valid"),
            ("PUT", "tasks/x", b'{"op": "Nonsense"}', 'unknown value "Nonsense" for enum pb.TaskOp'),
            ("POST", "tasks", b"{nonsense", "invalid character 'n' looking for beginning of object key string"),
            ("POST", "tasks", b'{"task": ', "unexpected EOF")):
        answer = call(method, path, body)
        assert (answer.status, answer.text) == (400, refusal(message)), (method, path)
    for method, path, body in (("GET", "members?leader=perhaps", None), ("GET", "status/%zz", None),
                               ("GET", "members?names=%2", None), ("POST", "tasks", b'{"task": 5}'),
                               ("PUT", "tasks/x", b"[]")):
        answer = call(method, path, body)
        assert answer.status == 400 and answer.json["code"] == 3, (method, path, answer.text)
    # Deeper than anything that is asked for: an answer, and dm-master lives.
    for levels in (101, 100_000):
        answer = call("POST", "tasks", b'{"task": ' + b"[" * levels + b"]" * levels + b"}")
        assert (answer.status, answer.text) == (400, refusal("nested deeper than 100 levels")), levels
    # Unknown members and keys are passed over; an empty body is an empty message.
    assert call("GET", "members?nonsense=1").status == 200
    assert call("PUT", "tasks/x", b"").json["result"] is False
    assert call("PUT", "errors", b"{}").json["result"] is False
    assert call("PUT", "schema", b"{}").json["result"] is False


def test_files_of_dm_masters_machine_are_not_read(cluster, call, servers, tmp_path):
    server = servers.get("mariadb", "down")
    (tmp_path / "key.pem").write_text("secret-content")
    cluster.start_master()
    database = {"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD,
                "security": {"ssl-key": str(tmp_path / "key.pem")}}
    source = call("PUT", "sources", {"op": 1, "config": [yaml.safe_dump({"source-id": "src-1", "from": database})]})
    task = open(cluster.task_file("test", ["src-1"], server, ["gate"], **{"target-database": database})).read()
    for answer in (source, call("POST", "tasks", {"task": task})):
        assert "48003" in answer.json["msg"] and "did not come with the request" in answer.json["msg"], answer.text
        assert "secret-content" not in answer.text


def test_what_is_no_http_request(cluster):
    """It is told so: an answer and the end of the connection, not the end alone."""
    cluster.start_master()
    for sent in (b"GET /status HTTP/9.9\r\n\r\n", b"GET /status\r\n\r\n", b"POST /status HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST /status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n", b"GET /status HTTP/1.1\r\nno colon\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", cluster.port), timeout=20) as connection:
            connection.sendall(sent)
            answer = b""
            while part := connection.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), (sent, answer)
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=20) as connection:
        connection.sendall(b"POST /status HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 Payload Too Large\r\n")


def test_a_request_beyond_the_limit(cluster, call):
    """`max-request-bytes` + 512 KiB, as for gRPC."""
    cluster.start_master()
    answer = call("POST", "tasks", {"task": "x" * (2 << 20)})
    assert answer.status == 429 and answer.json["code"] == 8 and "larger than max" in answer.json["message"], answer.text
    assert call("POST", "tasks", {"task": "x" * (1 << 20)}).status == 200


def test_many_requests_at_once(cluster, call):
    """Slow requests do not keep others waiting."""
    import threading
    cluster.start_master()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(call("GET", "members")), daemon=True) for _ in range(60)]
    for thread in threads:
        thread.start()
    assert "Release Version" in cluster.http("/status")
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 60
    # What it asks of the own port is answered beside it.
    assert all('"alive": true' in answer.text and '"alive": false' not in answer.text for answer in answers), answers[0].text


def test_a_request_ends_with_its_client(cluster, call, servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run("DROP DATABASE IF EXISTS gate")
    downstream.run("DROP DATABASE IF EXISTS dm_gate")
    upstream.run("CREATE DATABASE gate", "CREATE TABLE gate.t (id INT PRIMARY KEY)")
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src-1", upstream)
    path = cluster.task_file("test", ["src-1"], downstream, ["gate"], **{"meta-schema": "dm_gate"})
    cluster.ctl("start-task", path)
    cluster.wait_stage("test", "Running", "Sync")
    cluster.ctl("stop-task", "test")
    holder = downstream.connect()
    cursor = holder.cursor()
    for (table,) in downstream.run("SHOW TABLES FROM dm_gate"):
        cursor.execute("BEGIN") if not cursor.rowcount else None
        cursor.execute(f"SELECT * FROM dm_gate.{table}")
        cursor.fetchall()
    body = json.dumps({"task": open(path).read(), "removeMeta": True}).encode()
    head = f"POST /apis/v1alpha1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    impatient = []
    for _ in range(20):
        impatient.append(socket.create_connection(("127.0.0.1", cluster.port), timeout=20))
        impatient[-1].sendall(head.encode() + body)
    wait_for(lambda: any("metadata lock" in (row[0] or "") for row in downstream.run("SELECT state FROM information_schema.processlist")),
             "a request waits downstream")
    assert cluster.http("/health")
    assert "46024" in cluster.ctl("start-task", path, check=False).out
    for connection in impatient:
        connection.close()
    # Nobody waits any more, and the task may be had again.
    wait_for(lambda: cluster.ctl("start-task", path, check=False).ok, "the task is not in use")
    holder.rollback()
    holder.close()
    cluster.wait_stage("test", "Running", "Sync")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_sends_no_more_has_its_answer(cluster, servers, version):
    """Closing the sending side is no going, also where the answer takes a while."""
    upstream = servers.get("mariadb", "up")
    proxy = Proxy(upstream)
    waits, go_on = threading.Event(), threading.Event()

    def hold(text):
        waits.set()
        go_on.wait()

    proxy.on_statement = hold
    try:
        cluster.start_master()
        source = yaml.safe_dump({"source-id": "src-1", "from": {"host": "127.0.0.1", "port": proxy.port, "user": USER, "password": PASSWORD}})
        body = json.dumps({"op": 1, "config": [source]}).encode()
        with socket.create_connection(("127.0.0.1", cluster.port), timeout=30) as connection:
            connection.sendall(f"PUT /apis/v1alpha1/sources HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            connection.shutdown(socket.SHUT_WR)
            assert waits.wait(20)
            answer = b""
            if version == "1.1":  # is it there?
                answer = connection.recv(4096)
                assert answer == b"HTTP/1.1 100 Continue\r\n\r\n", answer
            go_on.set()
            while part := connection.recv(4096):
                answer += part
        assert b" 200 OK\r\n" in answer and answer.count(b'"result": true') == 2, answer
        assert cluster.ctl("operate-source", "show").out.count("src-1") == 1
    finally:
        go_on.set()
        proxy.stop()
