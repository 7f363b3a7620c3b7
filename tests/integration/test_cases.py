"""Runs every file of cases/ on every pair of servers it is meant for.

A case is a SQL file with sections, each begun by a comment line:

    -- case: pairs=mariadb-mariadb,mysql9-mariadb gtid=on     (optional; default: all pairs, position mode)
    -- task: {"syncers": {"sync": {"batch": 1}}}               (optional; JSON merged into the task file)
    -- schemas: a, b=c                                         (optional; default: the file's name; b=c: b is routed to c)
    -- full                                                    statements before the task starts
    -- live                                                    statements while it runs; may be repeated
    -- error: 36067 text of the message                        the task pauses so; then
    -- downstream                                              statements on the target; then resume
    -- check: SELECT ...                                       downstream answers the same as upstream

At the end all tables of the schemas must be equal.
"""
import json
import os
import re

import pytest

from dmtest.compare import difference

CASES = os.path.join(os.path.dirname(__file__), "cases")
PAIRS = ["mariadb-mariadb", "mysql9-mariadb", "mysql9-mysql9"]


class Case:
    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".sql")]
        self.own = os.path.dirname(path) != CASES  # written for the pairs it runs on
        self.pairs, self.gtid, self.task, self.schemas = PAIRS, False, {}, {self.name: self.name}
        self.steps = []
        text = open(path, encoding="utf-8").read()
        for part in re.split(r"(?m)^-- (?=(?:case|task|schemas|full|live|error|downstream|check)\b)", text):
            head, _, body = part.partition("\n")
            kind, _, value = head.partition(":")
            kind, value = kind.strip(), value.strip()
            if kind == "case":
                for word in value.split():
                    key, _, setting = word.partition("=")
                    if key == "pairs":
                        self.pairs = setting.split(",")
                    elif key == "gtid":
                        self.gtid = setting == "on"
            elif kind == "task":
                self.task = json.loads(value)
            elif kind == "schemas":
                pairs = [item.strip().split("=") for item in value.split(",")]
                self.schemas = {pair[0]: pair[-1] for pair in pairs}
            elif kind:
                self.steps.append((kind, value, body))


def _parameters():
    for name in sorted(os.listdir(CASES)):
        if name.endswith(".sql"):
            case = Case(os.path.join(CASES, name))
            for pair in case.pairs:
                yield pytest.param(case, pair, id=f"{case.name}-{pair}")


@pytest.mark.parametrize("case,pair", _parameters())
def test_case(case, pair, servers, shared_cluster):
    run_case(case, pair, servers, shared_cluster)


def run_case(case, pair, servers, cluster):
    """Also for tests of other pairs. What TiDB's information_schema says is not compared."""
    kinds = pair.split("-")
    upstream, downstream = servers.get(kinds[0], "up"), servers.get(kinds[1], "down")
    source = f"{kinds[0]}-{'gtid' if case.gtid else 'pos'}"
    if source not in cluster.sources:
        cluster.start_worker(f"worker{len(cluster.sources) + 1}")
        cluster.create_source(source, upstream, **{"enable-gtid": case.gtid})
        cluster.sources[source] = upstream
    _drop(upstream, case.schemas)
    _drop(downstream, case.schemas.values())
    # Short: names of tables are made from it.
    task = f"{case.name[:20]}_{pair}".replace("mariadb", "a").replace("mysql9", "m").replace("-", "")
    for schema in case.schemas:
        upstream.run(f"CREATE DATABASE {schema}")
    started = False
    try:
        for kind, value, body in case.steps:
            if kind == "full":
                upstream.script(f"USE {next(iter(case.schemas))};\n{body}")
                continue
            if not started:
                path = cluster.task_file(task, [source], downstream, case.schemas, **case.task)
                cluster.ctl("start-task", path, "--remove-meta")
                started = True
                if case.task.get("task-mode") != "full":
                    cluster.wait_stage(task, "Running", "Sync")
            if kind == "live":
                upstream.script(f"USE {next(iter(case.schemas))};\n{body}")
            elif kind == "error":
                code, _, phrase = value.partition(" ")
                cluster.wait_error(task, int(code), phrase)
            elif kind == "downstream":
                downstream.script(body)
                cluster.ctl("resume-task", task)
            elif kind == "check":
                cluster.wait_synced(task, upstream)
                if downstream.flavor != "tidb" or "information_schema" not in value or case.own:
                    assert upstream.run(value) == downstream.run(value)
        if not started:
            path = cluster.task_file(task, [source], downstream, case.schemas, **case.task)
            cluster.ctl("start-task", path, "--remove-meta")
            started = True
        if case.task.get("task-mode") == "full":
            cluster.wait_stage(task, "Finished")
        else:
            cluster.wait_stage(task, "Running", "Sync")
            cluster.wait_synced(task, upstream)
        found = difference(upstream, downstream, case.schemas)
        assert found is None, found
    finally:
        if started:
            cluster.ctl("stop-task", task, check=False)


def _drop(server, schemas):
    for schema in schemas:
        server.run(f"DROP DATABASE IF EXISTS {schema}")
