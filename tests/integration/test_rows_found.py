"""Rows of one transaction after the other go to many workers: what the downstream holds equal has to stay in order."""
import random

import pytest

from dmtest.migrated import Migrated

# A text and another that the collation holds equal.
EQUAL = {
    "utf8mb4_0900_ai_ci": [("1", "\u0661"), ("o", "\u00f8"), ("\u3042", "\u30a2"), ("a\u200d", "A"), ("\uac00", "\u1100\u1161"),
                           ("\u0e01\u0e40", "\u0e40\u0e01"), ("\U0001d400x", "ax"), ("\u00bd", "1\u20442")],
    "utf8mb4_unicode_ci": [("\u00df", "ss"), ("\U0001f600", "\U0001f601"), ("a\x01", "a"), ("b\u00a0", "b "), ("\u2460", "1")],
    "utf8mb4_unicode_520_ci": [("\u0142", "l"), ("\u00f8", "o"), ("\u0663", "3"), ("a\u0301", "A")],
    "utf8mb4_general_ci": [("\u00df", "s"), ("\U0001f600", "\ufffd"), ("\u03ac", "\u0391"), ("x ", "X")],
    "utf8mb4_danish_ci": [("aa", "\u00e5"), ("2x", "\u00b2x"), ("\u00fc", "y")],
    "uca1400_ai_ci": [("1", "\u0661"), ("\u3042", "\u30a2"), ("\u0451", "\u0435\u0308"), ("a\u200d", "A"), ("b", "\u24b7")],
}
ROUNDS = 300


def statements(rng, held, other, number):
    """One row leaves its place, another takes it, by turns."""
    first, second = rng.sample([held, other], 2)
    return [f"INSERT INTO t (id, k, v) VALUES ({number}, {first}, 1)", f"UPDATE t SET k = {second}, v = v + 1 WHERE id = {number}",
            f"DELETE FROM t WHERE id = {number}", f"INSERT INTO t (id, k, v) VALUES ({number + 1}, {second}, 2)",
            f"UPDATE t SET k = CONCAT('free ', id) WHERE k = {first}", f"INSERT INTO t (id, k, v) VALUES ({number + 2}, {first}, 3)",
            f"DELETE FROM t WHERE id = {number + 2}"]


@pytest.mark.parametrize("kind", ["mariadb", "mysql9", "mariadb11"])
def test_values_that_the_downstream_holds_equal_stay_in_order(cluster, servers, kind):
    upstream, downstream = servers.get(kind, "up"), servers.get(kind, "down")
    known = {row[0] for row in upstream.run("SELECT COLLATION_NAME FROM information_schema.COLLATIONS")}
    cluster.start_master()
    rng, number = random.Random(7), 1
    for collation in sorted(set(EQUAL) & known):
        database = f"found_{collation[-9:]}"
        migrated = Migrated(cluster, upstream, downstream, [database], database, syncers={"sync": {"worker-count": 16}})
        migrated.replicating("CREATE TABLE t (id INT PRIMARY KEY, k VARCHAR(40) CHARACTER SET utf8mb4 "
                             f"COLLATE {collation} NOT NULL, v INT, UNIQUE KEY (k))")
        really = [pair for pair in EQUAL[collation]
                  if upstream.value("SELECT _utf8mb4 x'{}' = _utf8mb4 x'{}' COLLATE {}".format(
                      *(text.encode().hex() for text in pair), collation))]
        assert len(really) > 1, (collation, really)
        with upstream.connect(database=database) as connection:
            cursor = connection.cursor()
            for _ in range(ROUNDS):
                held, other = (f"_utf8mb4 x'{text.encode().hex()}' COLLATE {collation}" for text in rng.choice(really))
                for statement in statements(rng, held, other, number):
                    cursor.execute(statement)
                number += 3
        migrated.synced(timeout=200)  # thousands of transactions that all conflict
        migrated.equal()
        migrated.stop()


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_bytes_that_the_downstream_pads_stay_in_order(cluster, servers, kind):
    """VARBINARY upstream, BINARY downstream, which ends in zero bytes."""
    upstream, downstream = servers.get(kind, "up"), servers.get(kind, "down")
    cluster.start_master()
    migrated = Migrated(cluster, upstream, downstream, ["found_bytes"], "found_bytes", syncers={"sync": {"worker-count": 16}})
    migrated.replicating("CREATE TABLE t (id INT PRIMARY KEY, k VARBINARY(8) NOT NULL, UNIQUE KEY (k))")
    downstream.run("ALTER TABLE found_bytes.t MODIFY k BINARY(8) NOT NULL")
    cluster.ctl("stop-task", migrated.task)
    cluster.ctl("start-task", migrated.file())
    cluster.wait_stage(migrated.task, "Running", "Sync")
    with upstream.connect(database="found_bytes") as connection:
        cursor = connection.cursor()
        for number in range(ROUNDS):
            cursor.execute(f"INSERT INTO t VALUES ({2 * number}, x'61')")
            cursor.execute(f"DELETE FROM t WHERE id = {2 * number}")
            cursor.execute(f"INSERT INTO t VALUES ({2 * number + 1}, x'6100')")
            cursor.execute(f"DELETE FROM t WHERE id = {2 * number + 1}")
        cursor.execute("INSERT INTO t VALUES (1000, x'62')")
    migrated.same("SELECT id FROM {0}.t")
    migrated.stop()
