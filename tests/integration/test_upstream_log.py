"""What the upstream's log says beside its rows: foreign keys."""
import pytest

from dmtest.replicating import Replicating


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_changes_that_the_upstream_made_without_foreign_keys(cluster, servers, kind):
    """With foreign_key_checks=1 downstream nothing is cascaded there that was not upstream."""
    upstream, downstream = servers.get(kind, "up"), servers.get("mariadb", "down")
    cluster.start_master()
    cluster.start_worker("worker1")
    cluster.create_source("src", upstream)
    task = Replicating(cluster, upstream, downstream, "keys", "families")
    task.recreate("families")
    upstream.run("USE families", "CREATE TABLE p (id INT PRIMARY KEY, v INT)",
                 "CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)",
                 "INSERT INTO p VALUES (1, 1), (2, 2), (3, 3), (4, 4)", "INSERT INTO c VALUES (1, 1), (2, 2), (3, 3), (4, 4)")
    task.begin(**{"target-database": {"session": {"foreign_key_checks": "1"}}, "syncers": {"sync": {"safe-mode-duration": "0s"}}})
    upstream.run("USE families", "SET foreign_key_checks = 0", "DELETE FROM p WHERE id = 1", "UPDATE p SET id = 20 WHERE id = 2",
                 "INSERT INTO c VALUES (7, 70)")
    upstream.run("USE families", "REPLACE INTO p VALUES (3, 30)" if kind == "mysql9" else "DELETE FROM p WHERE id = 3",
                 "DELETE FROM p WHERE id = 4")
    task.equal()
    # What is checked there is checked and cascaded here.
    assert downstream.run("SELECT id FROM families.c WHERE id = 4") == ()
