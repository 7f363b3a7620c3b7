"""Events of the binlog that readers are known to misunderstand."""
import pytest

from dmtest.migrated import Migrated
from dmtest.proxy import Proxy
from dmtest.waiting import wait_for

SCHEMA = "kfb"


def set_global(server, name, value):
    old = server.value(f"SELECT @@GLOBAL.{name}")
    server.run(f"SET GLOBAL {name} = {value!r}")
    return old


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mariadb"])
def test_zero_bytes_at_the_end_of_binary_keys_count(pair, migrated):
    value = "0xBF500C00A2034521B819D6EB7065D200"
    m = migrated(pair).replicating("CREATE TABLE v (a INT, b BINARY(16))", "CREATE TABLE k (b BINARY(16) PRIMARY KEY, a INT)",
                                   f"INSERT INTO v VALUES (1, {value}), (1, 0x00)", f"INSERT INTO k VALUES ({value}, 1), (0x01, 2)")
    m.write(f"UPDATE v SET a = a + 1 WHERE b = {value}", "INSERT INTO k VALUES (0x0200, 3)", f"UPDATE k SET a = 5 WHERE b = {value}")
    m.equal()
    m.write(f"DELETE FROM k WHERE b = {value}", "DELETE FROM k WHERE a = 2", "DELETE FROM v WHERE a = 1")
    m.equal()
    assert m.downstream.run("SELECT COUNT(*) FROM kfb.k") == ((1,),)


def test_json_of_rows_that_are_older_than_their_column_is_null_of_json(migrated):
    m = migrated("mysql9-mysql9").replicating("CREATE TABLE t (id INT PRIMARY KEY, a INT)", "CREATE TABLE n (a INT)", "INSERT INTO t VALUES (1, 1)",
                                   "INSERT INTO n VALUES (1), (2)", "CREATE TABLE old (a INT)", "INSERT INTO old VALUES (1)", "ALTER TABLE old ADD j JSON NOT NULL")
    m.write("ALTER TABLE t ADD j JSON NOT NULL", "UPDATE t SET a = 2", "INSERT INTO t VALUES (2, 2, CAST('null' AS JSON)), (3, 3, '[null]')",
            "ALTER TABLE n ADD j JSON NOT NULL", "UPDATE n SET a = 3 WHERE a = 1", "DELETE FROM n WHERE a = 2", "UPDATE old SET a = 2")
    m.equal(definitions=False)
    assert m.downstream.run("SELECT id, j IS NULL, CAST(j AS CHAR) FROM kfb.t ORDER BY id") == ((1, 0, "null"), (2, 0, "null"), (3, 0, "[null]"))


def test_uuid_and_inet_keys_find_their_rows(migrated):
    m = migrated("mariadb11-mariadb11").replicating(
        "CREATE TABLE u (u UUID PRIMARY KEY, i INET6, f INET4, n INT, KEY (i), KEY (f))",
        "INSERT INTO u VALUES ('00112233-4455-6677-8899-aabbccddeeff', '::1', '10.0.0.1', 1), (UUID(), '2001:db8::', '0.0.0.0', 2)")
    m.write("INSERT INTO u VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, NULL, 3)",
            "UPDATE u SET n = n + 10 WHERE u = '00112233-4455-6677-8899-aabbccddeeff'", "UPDATE u SET u = '018f2f9e-4c00-7000-8000-000000000000' WHERE n = 2",
            "DELETE FROM u WHERE n = 3")
    m.equal()


def test_text_that_becomes_inet_and_uuid(migrated):
    """Also a text of as many bytes as the downstream's column stores."""
    m = migrated("mysql9-mariadb11").prepare("CREATE TABLE a (id INT PRIMARY KEY, i TEXT, f TINYTEXT, u TEXT, v VARCHAR(45))",
                                             "INSERT INTO a VALUES (1, '2001:db8::1:1000', '1.2.3.4', '00112233-4455-6677-8899-aabbccddeeff', '2001:db8::1:1001')")
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.a (id INT PRIMARY KEY, i INET6, f INET4, u UUID, v INET6)")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync", timeout=120)
    m.write("INSERT INTO a VALUES " + ",".join(f"({n}, '2001:db8::1:{1000 + n}', '1.2.3.{n}', '00112233-4455-6677-8899-aabbccddee{n:02}', '2001:db8::1:1001')" for n in range(2, 99)),
            "UPDATE a SET i = '2001:db8::2:2000', v = '2001:db8::2:2001' WHERE id = 1", "DELETE FROM a WHERE id = 4")
    m.same("SELECT id, CAST(i AS CHAR), CAST(f AS CHAR), CAST(u AS CHAR), CAST(v AS CHAR) FROM {0}.a ORDER BY id")


@pytest.mark.parametrize("pair", ["mysql9-mysql9", "mariadb11-mariadb11", "mariadb-mysql9"])
def test_full_metadata_of_every_kind_is_read_or_passed_over(pair, migrated):
    m = migrated(pair)
    old = set_global(m.upstream, "binlog_row_metadata", "FULL")
    try:
        m.replicating("CREATE TABLE v (id INT PRIMARY KEY, a INT INVISIBLE DEFAULT 5, b VARCHAR(20) CHARACTER SET latin1, e ENUM('x', 'y'), s SET('p', 'q') CHARACTER SET utf8mb3)",
                      "INSERT INTO v (id, a, b, e, s) VALUES (1, 11, 'ä', 'x', 'p,q')")
        m.write("INSERT INTO v (id, b) VALUES (2, 'ö')", "UPDATE v SET a = 12 WHERE id = 1", "ALTER TABLE v ADD g POINT, ADD c INT INVISIBLE DEFAULT 7, ADD u INT UNSIGNED",
                "INSERT INTO v (id, a, c, u, g) VALUES (3, 33, 34, 4294967295, ST_GeomFromText('POINT(1 2)'))", "UPDATE v SET s = 'q', u = 5 WHERE id = 2")
        m.equal(definitions=False)
        m.same("SELECT id, a, c, u FROM {0}.v ORDER BY id")
    finally:
        set_global(m.upstream, "binlog_row_metadata", old)


def test_gbk_text_with_a_backslash_as_second_byte(migrated):
    m = migrated("mysql9-mysql9").replicating(
        "CREATE TABLE g (k VARCHAR(20) CHARACTER SET gbk PRIMARY KEY, v VARCHAR(20) CHARACTER SET gbk, n INT)",
        "INSERT INTO g VALUES (0x815C, 0xBF5C27, 1), (0xBF5C27, 0x815C, 2)")
    m.write("INSERT INTO g VALUES (0x815C27, 0x5C815C, 3)", "UPDATE g SET n = n + 10 WHERE k = 0x815C", "UPDATE g SET k = 0x825C WHERE n = 2",
            "DELETE FROM g WHERE k = 0x815C27")
    m.equal()
    assert m.downstream.run("SELECT HEX(k), n FROM kfb.g ORDER BY n") == (("825C", 2), ("815C", 11))


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mariadb"])
def test_long_varchar_of_every_engine(pair, migrated):
    m = migrated(pair).replicating(*[f"CREATE TABLE {e.lower()} (k VARCHAR(255), v VARCHAR(16100), n INT, c CHAR(255) CHARACTER SET utf8mb4) ENGINE={e} DEFAULT CHARSET=latin1"
                                     for e in ("MEMORY", "InnoDB", "MyISAM")],
                                   "INSERT INTO memory VALUES ('a', REPEAT('m', 16100), 1, REPEAT('€', 255))", "CREATE TABLE k (c CHAR(255) CHARACTER SET utf8mb4 PRIMARY KEY, n INT)")
    for engine in ("memory", "innodb", "myisam"):
        m.write(f"INSERT INTO {engine} VALUES ('k', REPEAT('v', 16100), 7, REPEAT('😀', 255)), (REPEAT('k', 255), 'short', 8, 'c'), ('', '', 9, '')",
                f"UPDATE {engine} SET n = n + 100, v = CONCAT(LEFT(v, 16000), 'x') WHERE n < 9", f"DELETE FROM {engine} WHERE n = 9")
    m.write("INSERT INTO k VALUES (REPEAT('😀', 255), 1), ('a', 2)", "UPDATE k SET n = n + 1", "DELETE FROM k WHERE n = 2")
    m.equal(definitions=False)


def test_xa_that_changed_nothing_does_not_stop_the_task(migrated):
    """The only insert fails: MariaDB logs an XA COMMIT or ROLLBACK without rows, or nothing."""
    m = migrated("mariadb-mariadb").replicating("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", "CREATE TABLE a (id INT PRIMARY KEY) ENGINE=Aria")
    for end in ("XA COMMIT 'e'", "XA ROLLBACK 'e'"):
        with m.upstream.connect(database="kfb") as connection:
            cursor = connection.cursor()
            cursor.execute("XA START 'e'")
            with pytest.raises(Exception, match="Duplicate"):
                cursor.execute("INSERT INTO t VALUES (1)")
            for statement in ("XA END 'e'", "XA PREPARE 'e'", end, "INSERT INTO t SELECT MAX(id) + 1 FROM t"):
                cursor.execute(statement)
    for end in ("XA COMMIT 'n'", "XA ROLLBACK 'n'"):
        m.write("XA START 'n'", "XA END 'n'", "XA PREPARE 'n'", end, "INSERT INTO t SELECT MAX(id) + 1 FROM t")
    m.write("XA START 'f'", "DELETE FROM t WHERE id = 777", "XA END 'f'", "XA PREPARE 'f'", "XA COMMIT 'f'", "XA START 'o'", "XA END 'o'", "XA COMMIT 'o' ONE PHASE")
    m.equal()
    m.restart_worker("INSERT INTO t VALUES (100)")
    m.equal()


def test_gtids_with_tags_are_counted_over_a_restart(migrated):
    m = migrated("mysql9-mysql9", gtid=True).replicating("CREATE TABLE t (a INT)", "SET GTID_NEXT = 'AUTOMATIC:full'", "INSERT INTO t VALUES (0)")
    m.write("SET GTID_NEXT = 'AUTOMATIC:tag1'", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "SET GTID_NEXT = 'AUTOMATIC'", "INSERT INTO t VALUES (2)")
    m.equal()
    for i in range(3):
        m.restart_worker(f"SET GTID_NEXT = 'AUTOMATIC:tag{i}'", f"INSERT INTO t VALUES ({10 + i})", "SET GTID_NEXT = 'AUTOMATIC'", f"INSERT INTO t VALUES ({20 + i})")
        m.equal()
    assert ":tag1:1-3" in m.cluster.status(m.task)["sync"]["syncerBinlogGtid"]


@pytest.mark.parametrize("pair,engine", [("mariadb-mariadb", "MyISAM"), ("mariadb-mariadb", "Aria"), ("mysql9-mariadb", "MyISAM")])
def test_rows_of_tables_without_transactions_are_applied_once(pair, engine, migrated):
    m = migrated(pair, gtid=True).replicating(f"CREATE TABLE t (a INT) ENGINE={engine}", "CREATE TABLE i (a INT) ENGINE=InnoDB")
    mixed = ["BEGIN", "INSERT INTO i VALUES (1)", "INSERT INTO t VALUES (200)", "INSERT INTO i VALUES (2)", "COMMIT"]
    for _ in range(3):
        m.write(*[f"INSERT INTO t VALUES ({i}), ({i})" for i in range(10)])
        m.restart_worker("INSERT INTO t VALUES (100)", *(mixed if m.upstream.flavor == "mariadb" else ["INSERT INTO i VALUES (1)"]),
                         "DELETE FROM t WHERE a = 3 LIMIT 1")
    m.equal(definitions=False)
    assert "ERROR" not in "".join(line for line in m.cluster.log(m.worker, 100000).splitlines() if f"[task={m.task}]" in line)


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_an_event_with_a_flipped_bit_is_refused_and_read_again(kind, servers, cluster, tmp_path):
    upstream = servers.get(kind, "up")
    proxy = Proxy(upstream)
    flipped = []

    def flip(type_code, event):
        if b"flip me" in event and not flipped and type_code != 29 and b"INSERT" not in event:
            flipped.append(type_code)
            at = event.index(b"flip me")
            return event[:at] + bytes([event[at] ^ 1]) + event[at + 1:]
        return event

    proxy.on_event = flip
    cluster.start_master()
    m = Migrated(cluster, upstream, servers.get("mariadb", "down"), ["kfflip"], "kfflip", source="flip", via=proxy)
    try:
        m.replicating("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
        m.write("INSERT INTO t VALUES (1, 'before')", "INSERT INTO t VALUES (2, 'flip me')", "INSERT INTO t VALUES (3, 'behind')")
        wait_for(lambda: flipped, "an event is changed on its way")
        m.equal()
        assert m.downstream.value("SELECT v FROM kfflip.t WHERE id = 2") == "flip me"
    finally:
        m.stop()
        proxy.stop()


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mariadb-mysql9"])
def test_compressed_columns_of_tables_that_are_left_out(pair, migrated):
    """By the list, and by an event filter; a replicated one is beside them."""
    columns = "(id INT PRIMARY KEY, v VARCHAR(512) COMPRESSED, b BLOB COMPRESSED)"
    m = migrated(pair, **{"block-allow-list": {"list": {"do-dbs": [SCHEMA], "ignore-tables": [{"db-name": SCHEMA, "tbl-name": "listed"}]}},
                          "filters": {"f": {"schema-pattern": SCHEMA, "table-pattern": "filtered", "events": ["all dml"], "action": "Ignore"}}})
    m.changes["mysql-instances"] = [{"source-id": m.source, "block-allow-list": "list", "mydumper-config-name": "dump",
                                     "loader-config-name": "load", "syncer-config-name": "sync", "filter-rules": ["f"]}]
    short, long = "'short', 'b'", "REPEAT('long ', 100), REPEAT(x'00ff', 20000)"
    m.replicating(*[f"CREATE TABLE {table} {columns}" for table in ("listed", "filtered", "kept")],
                  *[f"INSERT INTO {table} VALUES (1, {short}), (2, {long})" for table in ("listed", "kept")])
    for table in ("listed", "filtered", "kept"):
        m.write(f"INSERT INTO {table} VALUES (11, {short}), (12, {long}), (13, NULL, NULL)",
                f"UPDATE {table} SET v = CONCAT(v, '.'), b = CONCAT(b, x'00') WHERE id < 13", f"DELETE FROM {table} WHERE id = 11")
    m.same("SELECT id, HEX(v), SHA2(b, 256) FROM {0}.kept ORDER BY id")
    assert m.downstream.run(f"SELECT COUNT(*) FROM {SCHEMA}.filtered") == ((0,),)
    assert not m.downstream.run(f"SHOW TABLES IN {SCHEMA} LIKE 'listed'")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mariadb", "mysql9-mysql9", "mariadb-mysql9"])
def test_every_byte_of_latin1_becomes_its_character_of_utf8mb4(pair, migrated):
    """The target's table is there already, with another character set; full and live."""
    m = migrated(pair).prepare("CREATE TABLE l (id INT PRIMARY KEY, c CHAR(1), v VARCHAR(255), t TEXT) DEFAULT CHARSET latin1",
                               "CREATE TABLE n (c CHAR(1), v VARCHAR(255)) DEFAULT CHARSET latin1")
    every = "".join(f"{byte:02x}" for byte in range(1, 256))

    def rows(first):
        m.write(*[f"INSERT INTO l VALUES ({first + byte}, x'{byte:02x}', x'{byte:02x}2e', x'{byte:02x}')" for byte in range(1, 256)],
                *[f"INSERT INTO n VALUES (x'{byte:02x}', x'{byte:02x}')" for byte in (0x80, 0x81, 0x8d, 0x8f, 0x90, 0x9d, 0xff)],
                f"INSERT INTO l VALUES ({first}, 'x', x'{every}', x'{every}')", f"INSERT INTO n VALUES (NULL, x'{every}')")

    rows(0)
    m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}",
                     "CREATE TABLE l (id INT PRIMARY KEY, c CHAR(1), v VARCHAR(255), t TEXT) DEFAULT CHARSET utf8mb4",
                     "CREATE TABLE n (c CHAR(1), v VARCHAR(255)) DEFAULT CHARSET utf8mb4")
    m.start()
    m.cluster.wait_stage(m.task, "Running", "Sync")
    rows(1000)
    m.write("UPDATE l SET t = CONCAT(v, c), c = 'y' WHERE id > 1100", "UPDATE n SET v = CONCAT(v, c) WHERE c IS NOT NULL",
            "DELETE FROM n WHERE c = x'81' LIMIT 1")
    m.synced()
    texts = ", ".join(f"HEX(CONVERT({column} USING utf8mb4))" for column in ("c", "v", "t"))
    both = [[server.run(f"SELECT id, {texts} FROM {SCHEMA}.l ORDER BY id"),
             sorted(server.run(f"SELECT HEX(CONVERT(c USING utf8mb4)), HEX(CONVERT(v USING utf8mb4)) FROM {SCHEMA}.n"), key=str)]
            for server in (m.upstream, m.downstream)]
    assert both[0] == both[1] and len(both[0][0]) == 512
    character = dict(m.downstream.run(f"SELECT id, HEX(c) FROM {SCHEMA}.l WHERE id IN (128, 129, 255)"))
    assert character == {128: "E282AC", 129: "C281", 255: "C3BF"}, character


@pytest.mark.parametrize("pair", ["mysql9-mariadb", "mariadb-mariadb"])
def test_names_in_the_log_count_where_the_downstream_is_another(pair, migrated):
    """binlog_row_metadata=FULL, mode incremental: the downstream's columns have another order, and there are more of them."""
    m = migrated(pair, **{"task-mode": "incremental"}).prepare(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20))", "CREATE TABLE n (a INT, b VARCHAR(20))", "INSERT INTO t VALUES (1, 10, 'one')")
    old = set_global(m.upstream, "binlog_row_metadata", "FULL")
    try:
        m.downstream.run(f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}",
                         "CREATE TABLE t (extra INT DEFAULT 7, b VARCHAR(20), id INT PRIMARY KEY, a INT, KEY (a))",
                         "CREATE TABLE n (b VARCHAR(20), extra INT DEFAULT 7, a INT)", "INSERT INTO t (id, a, b) VALUES (1, 10, 'one')")
        m.start()
        m.cluster.wait_stage(m.task, "Running", "Sync")
        m.write("INSERT INTO t VALUES (2, 20, 'two'), (3, 30, '3')", "UPDATE t SET a = 11 WHERE id = 1", "DELETE FROM t WHERE id = 3",
                "INSERT INTO n VALUES (1, 'x'), (1, 'x'), (2, '22')", "UPDATE n SET b = 'y' WHERE a = 1 LIMIT 1", "DELETE FROM n WHERE a = 2")
        m.synced()
        # Over a restart, and behind a statement.
        m.restart_worker("INSERT INTO t VALUES (4, 40, 'four')", "ALTER TABLE t ADD COLUMN c INT DEFAULT 5", "INSERT INTO t VALUES (5, 50, 'five', 6)")
        for query in ("SELECT id, a, b, c FROM {0}.t ORDER BY id", "SELECT a, b FROM {0}.n ORDER BY a, b"):
            m.same(query)
        assert m.downstream.run(f"SELECT DISTINCT extra FROM {SCHEMA}.t") == ((7,),)
    finally:
        set_global(m.upstream, "binlog_row_metadata", old)
