"""redact-info-log of dm-worker."""


def test_values_of_rows_are_in_no_log_and_no_error(cluster, servers):
    upstream, downstream = servers.get("mariadb", "up"), servers.get("mariadb", "down")
    for server in (upstream, downstream):
        server.run("DROP DATABASE IF EXISTS redact")
    downstream.run("DROP DATABASE IF EXISTS dm_redact")
    upstream.run("CREATE DATABASE redact", "CREATE TABLE redact.t (id INT PRIMARY KEY, v VARCHAR(40))")
    cluster.start_master()
    cluster.start_worker("worker1", flags=["--redact-info-log"])
    assert "redact-info-log = true" in cluster.ctl("config", "worker", "worker1").out
    cluster.create_source("src", upstream)
    cluster.ctl("start-task", cluster.task_file("redact", ["src"], downstream, ["redact"], **{
        "meta-schema": "dm_redact", "syncers": {"sync": {"safe-mode": False, "safe-mode-duration": "0s"}}}))
    cluster.wait_stage("redact", "Running", "Sync")
    # The downstream was changed behind our back: a row that is in the way, one that is not there, a column too short.
    upstream.run("INSERT INTO redact.t VALUES (1, 'first-secret')")
    cluster.wait_synced("redact", upstream)
    downstream.run("DELETE FROM redact.t")
    upstream.run("UPDATE redact.t SET v = 'gone-secret' WHERE v = 'first-secret'")
    cluster.wait_synced("redact", upstream)
    downstream.run("ALTER TABLE redact.t ADD UNIQUE KEY (v)", "INSERT INTO redact.t VALUES (424242, 'taken-secret')")
    upstream.run("INSERT INTO redact.t VALUES (515151, 'taken-secret')")
    error = cluster.wait_error("redact", phrase="Duplicate entry ?")
    assert "INSERT INTO" in error["Message"] and "VALUES (?,?)" in error["Message"].replace(", ", ","), error
    log = cluster.log("worker1", lines=100000)
    assert "ER_KEY_NOT_FOUND" in log
    for text in (log, str(error), cluster.ctl("query-status", "redact").out):
        assert "-secret" not in text and "515151" not in text, [line for line in text.splitlines() if "secret" in line]
