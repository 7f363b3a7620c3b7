"""MariaDB answers the changes of a batch together; what is found and said of each of them is as if it had its own answer."""
import pytest

from dmtest.servers import PASSWORD
from test_merged_changes import logged, statements  # noqa: F401
from test_shared_inserts import resume, start
from test_sync_places import SCHEMA, migration  # noqa: F401

TABLES = """
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(40), u INT, UNIQUE KEY (u));
CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(40));
CREATE TABLE nokey (a INT, v VARCHAR(40));
CREATE TABLE beat (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY);
"""
ROWS = 40


def fill(migration):  # noqa: F811
    migration.prepare(TABLES)
    migration.upstream.run(f"USE {SCHEMA}", *(f"INSERT INTO {table} SELECT seq, 'old'{more} FROM seq_1_to_{ROWS}"
                                              for table, more in (("pk", ", seq"), ("other", ""), ("nokey", ""))))


def change(migration, word, *more):  # noqa: F811
    """Many changes of all kinds in one transaction."""
    with migration.upstream.connect(database=SCHEMA) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        for i in range(1, ROWS - 1):
            cursor.execute("UPDATE pk SET v = %s WHERE id = %s", (word, i))
            if i % 3 == 0:
                cursor.execute("DELETE FROM other WHERE id = %s", (i,))
                cursor.execute("UPDATE pk SET v = CONCAT(v, '!'), u = -u WHERE id = %s", (i,))
                cursor.execute("INSERT INTO other VALUES (%s, %s), (%s, %s)", (i, word, i + 1000 * len(word), word))
                cursor.execute("UPDATE nokey SET v = %s WHERE a = %s", (word, i))
        for statement in more:
            cursor.execute(statement)
        cursor.execute("COMMIT")


def compounds(migration):  # noqa: F811
    return statements(migration.downstream, "BEGIN;UPDATE%;BEGIN NOT ATOMIC %;END;%COMMIT")[0]


def text_of(migration, begin=0):  # noqa: F811
    return migration.cluster.log("worker1", 1000000)[begin:]


@pytest.mark.parametrize("safe", [False, True])
def test_changes_are_answered_together(logged, safe):  # noqa: F811
    fill(logged)
    if safe:
        logged.start(syncers={"sync": {"worker-count": 4, "safe-mode": True}})
        logged.running()
    else:
        start(logged)
    logged.check()
    logged.downstream.run("TRUNCATE mysql.general_log")
    for word in ("new", "newer"):
        change(logged, word)
    logged.check()
    assert compounds(logged) > 0
    assert "ER_KEY_NOT_FOUND" not in text_of(logged)


def test_a_row_that_is_not_there_is_found(migration):  # noqa: F811
    fill(migration)
    start(migration)
    migration.check()
    before = len(text_of(migration))
    migration.downstream.run(f"DELETE FROM {SCHEMA}.pk WHERE id = 7", f"DELETE FROM {SCHEMA}.other WHERE id = 9",
                             f"DELETE FROM {SCHEMA}.nokey WHERE a = 12")
    change(migration, "new")
    migration.cluster.wait_synced("places", migration.upstream)
    told = [line for line in text_of(migration, before).splitlines() if "ER_KEY_NOT_FOUND" in line]
    for table in ("pk", "other", "nokey"):
        assert any(f"`{table}`" in line for line in told), (table, told)
    same = "SELECT id, v, u FROM {}.pk WHERE id <> 7 ORDER BY id".format(SCHEMA)
    assert migration.downstream.run(same) == migration.upstream.run(same)


def test_the_change_that_fails_is_named(migration):  # noqa: F811
    fill(migration)
    start(migration)
    migration.check()
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.pk MODIFY v VARCHAR(20)")
    change(migration, "new", "UPDATE pk SET v = 'too long for that column' WHERE id = 39", "UPDATE pk SET v = 'last' WHERE id = 40")
    migration.cluster.wait_error("places", 10006, "too long for that column")
    assert migration.downstream.value(f"SELECT v FROM {SCHEMA}.pk WHERE id = 40") == "old"
    migration.downstream.run(f"ALTER TABLE {SCHEMA}.pk MODIFY v VARCHAR(40)")
    resume(migration)
    migration.check()


def test_rights_that_lack_are_told_of_their_table(migration):  # noqa: F811
    fill(migration)
    migration.downstream.run("DROP USER IF EXISTS 'few'@'%'", f"CREATE USER 'few'@'%' IDENTIFIED BY '{PASSWORD}'", "GRANT ALL ON *.* TO 'few'@'%'")
    start(migration, **{"target-database": {"user": "few"}})
    migration.check()
    migration.downstream.run("REVOKE ALL ON *.* FROM 'few'@'%'", "GRANT ALL ON dm_places.* TO 'few'@'%'",
                             "GRANT SELECT, RELOAD, CREATE, PROCESS ON *.* TO 'few'@'%'",
                             *(f"GRANT ALL ON {SCHEMA}.{table} TO 'few'@'%'" for table in ("pk", "nokey", "beat")),
                             f"GRANT UPDATE, DELETE ON {SCHEMA}.other TO 'few'@'%'")
    migration.cluster.ctl("pause-task", "places")
    migration.cluster.wait_stage("places", "Paused", "Sync")
    change(migration, "new")
    resume(migration)
    migration.cluster.wait_error("places", 10006, "`other`")
    migration.downstream.run("GRANT ALL ON *.* TO 'few'@'%'")
    resume(migration)
    migration.check()


def test_what_triggers_count_does_not_matter(migration):  # noqa: F811
    fill(migration)
    start(migration)
    migration.check()
    migration.downstream.script(f"""USE {SCHEMA};
CREATE TABLE seen (n INT);
INSERT INTO seen VALUES (0), (0);
CREATE PROCEDURE sees() UPDATE seen SET n = n + 1;
CREATE TRIGGER sees_pk AFTER UPDATE ON pk FOR EACH ROW CALL sees();
""")
    change(migration, "new")
    migration.cluster.wait_synced("places", migration.upstream)
    updates = ROWS - 2 + (ROWS - 2) // 3
    assert migration.downstream.run(f"SELECT n FROM {SCHEMA}.seen") == ((updates,), (updates,))
    assert "ER_KEY_NOT_FOUND" not in text_of(migration)
    migration.downstream.run(f"USE {SCHEMA}", "DROP TRIGGER sees_pk", "DROP PROCEDURE sees", "DROP TABLE seen")
    migration.check()
