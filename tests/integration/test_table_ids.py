"""An upstream gives a table another number whenever it opens it again, which servers with more tables than fit into their cache do all
the time: what dm-worker knows of a table it keeps once."""
import pytest

SCHEMA = "tids"
COLUMNS = ", ".join(f"column_number_{i} VARCHAR(20) DEFAULT 'abc'" for i in range(60))


def resident(m):
    """Memory of the worker's process, MiB."""
    with open(f"/proc/{m.cluster.workers[m.worker].child.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_a_table_that_is_opened_again_and_again(pair, migrated):
    m = migrated(pair).replicating(f"CREATE TABLE t (id INT PRIMARY KEY, {COLUMNS})", "CREATE TABLE u (id INT PRIMARY KEY)")
    m.synced()
    before = resident(m)
    for _ in range(3):
        with m.upstream.connect(database=SCHEMA) as connection:
            cursor = connection.cursor()
            for _ in range(700):
                cursor.execute("FLUSH LOCAL TABLES")
                cursor.execute("INSERT INTO t (id) SELECT COUNT(*) FROM t")
        m.synced()
    assert resident(m) < before + 25  # 40 KiB a number would be 80 MiB
    m.write("FLUSH LOCAL TABLES", "ALTER TABLE t DROP COLUMN column_number_7, ADD COLUMN more INT", "FLUSH LOCAL TABLES", "UPDATE t SET more = id",
            "RENAME TABLE t TO x, u TO t", "INSERT INTO t VALUES (7)", "DELETE FROM x WHERE id % 2", "DROP TABLE t", "RENAME TABLE x TO t", "UPDATE t SET more = more + 1")
    m.equal()


def test_more_tables_than_are_remembered(migrated):
    """Between transactions some are forgotten; a transaction may have more of them than that."""
    tables = [f"t{i}" for i in range(120)]
    m = migrated("mariadb-mariadb").replicating(*(f"CREATE TABLE {t} (id INT PRIMARY KEY, {', '.join(f'c{i} INT DEFAULT {i}' for i in range(500))})" for t in tables))
    rounds = [f"INSERT INTO {t} (id) VALUES ({n})" for n in range(3) for t in tables]
    m.write(*rounds, "BEGIN", *(f"UPDATE {t} SET c1 = -1 WHERE id < 2" for t in tables), *(f"DELETE FROM {t} WHERE id = 2" for t in tables), "COMMIT",
            *(f"UPDATE {t} SET c2 = -2" for t in reversed(tables)))
    m.equal()


def test_tables_that_are_gone(migrated):
    """Tables by day or hour, work tables of a job: neither memory nor metrics keep them."""
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE stays (id INT PRIMARY KEY)", "INSERT INTO stays VALUES (0)")

    def come_and_go(first, count):
        with m.upstream.connect(database=SCHEMA) as connection:
            cursor = connection.cursor()
            for i in range(first, first + count):
                cursor.execute(f"CREATE TABLE work_{i} (id INT PRIMARY KEY, v INT, UNIQUE KEY (v))")
                cursor.execute(f"INSERT INTO work_{i} VALUES (1, 1), (2, 2)")
                if i % 5 == 0:
                    cursor.execute(f"ALTER TABLE work_{i} ADD COLUMN w INT")
                cursor.execute(f"DROP TABLE work_{i}" if i % 3 else f"RENAME TABLE work_{i} TO gone_{i}")
                cursor.execute(f"DROP TABLE IF EXISTS gone_{i}")
            cursor.execute(f"INSERT INTO stays VALUES ({first + 1})")
        m.synced(120)

    come_and_go(0, 100)
    before = resident(m)
    come_and_go(100, 500)
    assert resident(m) < before + 7  # 25 KiB a table would be 12 MiB
    series = [line for line in m.cluster.http("/metrics", m.cluster.workers[m.worker].port).splitlines() if f'task="{m.task}"' in line]
    assert any('target_table="stays"' in line for line in series)
    assert not [line for line in series if 'target_table="work_' in line or 'target_table="gone_' in line]
    m.equal()
