"""Random changes of tables with every kind of identity, from several connections at once, and DDL beside them."""
import random
import threading

import pymysql

SCHEMAS = ["chaos_a", "chaos_b"]

TABLES = """
CREATE TABLE pk (id BIGINT PRIMARY KEY, v VARCHAR(60), n INT, big MEDIUMTEXT);
CREATE TABLE composite (a INT, b VARCHAR(20), c DATETIME(3), d DECIMAL(14,4), PRIMARY KEY (a, b), UNIQUE KEY u (c, a));
CREATE TABLE several (id INT PRIMARY KEY, x INT, y VARCHAR(16), z INT, UNIQUE KEY (x), UNIQUE KEY (y));
CREATE TABLE nullable (a INT, b VARCHAR(20), c DECIMAL(12,4), UNIQUE KEY (a), UNIQUE KEY (b));
CREATE TABLE nokey (a INT, b VARCHAR(20), c DECIMAL(12,4), t TIMESTAMP(6) NULL);
CREATE TABLE folded (k VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT);
CREATE TABLE hot (id INT PRIMARY KEY, counter BIGINT NOT NULL, label VARCHAR(20));
"""

MOVING = ["moving_0", "moving_1", "moving_2"]  # the tables whose definition changes
_WORDS = ["Straße", "strasse", "ÀÉ", "àé", "naïve", "NAIVE", "日本", "x", "X ", "", "a\\b", "o'k", '"', "😀", "z"]
_LOST = {2006, 2013, 2003, 2055, 1053, 1927, 4031}


def create(server):
    for schema in SCHEMAS:
        server.run(f"CREATE DATABASE {schema}")
        server.script(f"USE {schema};\n{TABLES}")
        with server.connect(database=schema) as connection:
            cursor = connection.cursor()
            cursor.executemany("INSERT INTO hot VALUES (%s, 0, 'h')", [(i,) for i in range(20)])
            cursor.executemany("INSERT INTO pk (id, v, n) VALUES (%s, %s, %s)", [(i, f"v{i}", i) for i in range(3000)])
            cursor.executemany("INSERT INTO nokey VALUES (%s, %s, %s, NULL)", [(i % 20, f"r{i % 7}", i % 3) for i in range(800)])
            for table in MOVING:
                cursor.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(30))")


def end_online_changes(cursor):
    """What is left of those that were called off or cut off: between the steps of a cut-over the real table gets its name
    again, and the tables of the tool are dropped."""
    for schema in SCHEMAS:
        cursor.execute(f"SHOW TABLES FROM {schema}")
        tables = {row[0] for row in cursor.fetchall()}
        for table in MOVING:
            if f"_{table}_del" in tables and table not in tables:
                cursor.execute(f"RENAME TABLE {schema}._{table}_del TO {schema}.{table}")
                tables.discard(f"_{table}_del")
            for name in tables & {f"_{table}_{suffix}" for suffix in ("gho", "ghc", "del")}:
                cursor.execute(f"DROP TABLE {schema}.{name}")


class _Client(threading.Thread):
    """Runs `step` until told to end; connects again when the server is away. What a lost connection leaves undecided
    does not matter: the upstream alone says what is true."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.rng = server, random.Random(seed)
        self.ending, self.going = threading.Event(), threading.Event()
        self.resting = threading.Event()
        self.done, self.refused, self.error = 0, 0, None

    def run(self):
        connection = None
        try:
            while not self.ending.is_set():
                if not self.going.is_set():
                    self.resting.set()
                    self.going.wait(0.2)
                    continue
                self.resting.clear()
                try:
                    if connection is None:
                        connection = self.server.connect(database=self.rng.choice(SCHEMAS), connect_timeout=5, read_timeout=60)
                        connection.autocommit(False)
                    self.step(connection)
                    self.done += 1
                except pymysql.err.MySQLError as e:
                    self.refused += 1
                    number = e.args[0] if e.args and isinstance(e.args[0], int) else 0
                    connection = self._after(connection, number in _LOST or isinstance(e, pymysql.err.InterfaceError))
                except (OSError, EOFError):
                    connection = self._after(connection, True)
                self.ending.wait(self.pace())
        except Exception as e:  # a fault of this program: shown at the end
            self.error = e
        finally:
            self.resting.set()
            if connection is not None:
                self._after(connection, True)

    def _after(self, connection, lost):
        if connection is None:
            self.ending.wait(0.2)
            return None
        try:
            if not lost:
                connection.rollback()
                return connection
            connection.close()
        except (pymysql.err.MySQLError, OSError):
            pass  # it was lost
        return None

    def rest(self):
        self.going.clear()
        assert self.resting.wait(180), f"a client does not rest, after {self.done} transactions"

    def stop(self):
        self.ending.set()
        self.going.set()
        self.join(180)
        assert not self.is_alive(), f"a client does not end, after {self.done} transactions"
        if self.error:
            raise self.error


class Writer(_Client):
    def pace(self):
        return self.rng.random() * 0.02

    def step(self, connection):
        cursor, rng = connection.cursor(), self.rng
        if rng.random() < 0.004:
            self.big(cursor)
        elif rng.random() < 0.25:
            cursor.execute("UPDATE hot SET counter = counter + 1 WHERE id = %s", (rng.randrange(20),))
        else:
            for _ in range(rng.randint(1, 8)):
                if rng.random() < 0.03:
                    cursor.execute("SAVEPOINT s")
                    self.change(cursor)
                    cursor.execute("ROLLBACK TO SAVEPOINT s")
                self.change(cursor)
        if rng.random() < 0.1:
            connection.rollback()
        else:
            connection.commit()

    def big(self, cursor):
        """A transaction of thousands of rows, or of rows of a megabyte."""
        rng = self.rng
        kind = rng.randrange(3)
        if kind == 0:
            start = rng.randrange(4000, 9000)
            cursor.executemany("REPLACE INTO pk (id, v, n) VALUES (%s, %s, %s)",
                               [(i, f"b{rng.random()}", i) for i in range(start, start + 3000)])
        elif kind == 1:
            cursor.execute("UPDATE pk SET n = n + 1, v = CONCAT('u', n) WHERE id BETWEEN 500 AND 2500")
        else:
            cursor.execute("REPLACE INTO pk (id, v, n, big) VALUES (%s, 'big', 1, REPEAT(%s, %s))",
                           (rng.randrange(3000), rng.choice("abc"), rng.randrange(100000, 1000000)))

    def change(self, cursor):
        rng = self.rng
        number, word = rng.randint(1, 300), rng.choice(_WORDS)
        statements = [
            ("REPLACE INTO pk (id, v, n) VALUES (%s, %s, %s)", (rng.randrange(3000), word, number)),
            ("UPDATE pk SET v = %s, n = n + 1 WHERE id = %s", (word, rng.randrange(3000))),
            ("UPDATE IGNORE pk SET id = %s WHERE id = %s", (rng.randrange(3000), rng.randrange(3000))),
            ("DELETE FROM pk WHERE id = %s", (rng.randrange(3000),)),
            ("INSERT IGNORE INTO composite VALUES (%s, %s, NOW(3), %s)", (number % 40, word, rng.random() * 1000)),
            ("UPDATE IGNORE composite SET a = %s, d = -d WHERE a = %s LIMIT 2", (rng.randrange(40), number % 40)),
            ("DELETE FROM composite WHERE a = %s LIMIT 1", (number % 40,)),
            ("REPLACE INTO several VALUES (%s, %s, %s, %s)", (number, rng.randint(1, 300), f"y{rng.randint(1, 200)}", number)),
            ("UPDATE IGNORE several SET x = %s, y = %s WHERE id = %s", (rng.randint(1, 300), f"y{rng.randint(1, 200)}", number)),
            ("DELETE FROM several WHERE id = %s", (number,)),
            ("INSERT IGNORE INTO nullable VALUES (%s, %s, %s)",
             (rng.choice([None, number]), rng.choice([None, f"n{number}"]), rng.random() * 10)),
            ("UPDATE IGNORE nullable SET a = %s, c = c + 1 WHERE b = %s", (rng.choice([None, number]), f"n{rng.randint(1, 300)}")),
            ("DELETE FROM nullable WHERE a IS NULL AND b IS NULL LIMIT 1", ()),
            ("DELETE FROM nullable WHERE a = %s", (number,)),
            ("INSERT INTO nokey VALUES (%s, %s, %s, %s)",
             (number % 20, rng.choice([None, word]), number % 5, rng.choice([None, "2026-01-02 03:04:05.678901"]))),
            ("INSERT INTO nokey VALUES (%s, 'twin', 1, NULL), (%s, 'twin', 1, NULL)", (number % 20, number % 20)),
            ("UPDATE nokey SET b = %s, c = c + 1 WHERE a = %s LIMIT 2", (f"u{number}", number % 20)),
            ("DELETE FROM nokey WHERE a = %s LIMIT 3", (number % 20,)),
            ("REPLACE INTO folded VALUES (%s, %s)", (word + str(number % 4), number)),
            ("UPDATE IGNORE folded SET k = UPPER(k), v = v + 1 WHERE k = %s", (word + str(number % 4),)),
            ("DELETE FROM folded WHERE k = %s", (word + str(number % 4),)),
            (f"INSERT INTO {rng.choice(MOVING)} (v) VALUES (%s)", (word,)),
            (f"UPDATE {rng.choice(MOVING)} SET v = %s ORDER BY id DESC LIMIT 2", (word,)),
            (f"DELETE FROM {rng.choice(MOVING)} ORDER BY id LIMIT 2", ()),
        ]
        cursor.execute(*rng.choice(statements))


class Definer(_Client):
    """Changes definitions: one statement at a time, or as gh-ost does it."""

    def pace(self):
        return 0.5 + self.rng.random() * 2

    def step(self, connection):
        rng = self.rng
        table, column, other = rng.choice(MOVING), f"c{rng.randrange(4)}", f"c{rng.randrange(4)}"
        end_online_changes(connection.cursor())
        if rng.random() < 0.2:
            self._online_change(connection.cursor(), table, rng.choice([
                f"ADD COLUMN {column} INT DEFAULT {rng.randrange(9)}, ADD INDEX i_{column} ({column})",
                f"DROP COLUMN {column}, ADD COLUMN x{other} VARCHAR(20) NOT NULL DEFAULT 'o'",
                f"MODIFY COLUMN v VARCHAR({rng.randrange(30, 90)}), ADD COLUMN {column} BIGINT"]))
            return
        connection.cursor().execute(rng.choice([
            f"ALTER TABLE {table} ADD COLUMN {column} INT DEFAULT {rng.randrange(9)}",
            f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(20) NOT NULL DEFAULT 'd' AFTER id",
            f"ALTER TABLE {table} DROP COLUMN {column}",
            f"ALTER TABLE {table} CHANGE COLUMN {column} {other} BIGINT",
            f"ALTER TABLE {table} ADD INDEX i_{column} ({column})",
            f"ALTER TABLE {table} DROP INDEX i_{column}",
            f"ALTER TABLE {table} MODIFY COLUMN v VARCHAR({rng.randrange(30, 90)})",
            f"TRUNCATE TABLE {table}",
            f"RENAME TABLE {table} TO swapped, {rng.choice(MOVING)} TO {table}, swapped TO {rng.choice(MOVING)}",
            f"DROP TABLE IF EXISTS {table}",
            f"CREATE TABLE IF NOT EXISTS {table} (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(30), c1 INT)",
            f"CREATE TABLE IF NOT EXISTS {table} (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(40), KEY (v))",
            f"CREATE TABLE IF NOT EXISTS extra_{column} LIKE {table}",
            f"DROP TABLE IF EXISTS extra_{column}",
            "ALTER TABLE nokey ADD COLUMN late INT DEFAULT 4",
            "ALTER TABLE nokey DROP COLUMN late",
        ]))

    def _online_change(self, cursor, table, alter):
        """As gh-ost does it, with a cut-over in two steps; sometimes it is called off."""
        rng, ghost, old, log = self.rng, f"_{table}_gho", f"_{table}_del", f"_{table}_ghc"
        cursor.execute(f"CREATE TABLE {log} (id BIGINT AUTO_INCREMENT PRIMARY KEY, value VARCHAR(40))")
        cursor.execute(f"CREATE TABLE {ghost} LIKE {table}")
        cursor.execute(f"ALTER TABLE {ghost} {alter}")
        cursor.execute(f"INSERT INTO {log} (value) VALUES ('heartbeat')")
        cursor.connection.commit()  # who rests here would hold the table against its end
        if rng.random() < 0.2:
            return
        cursor.execute(f"LOCK TABLES {table} WRITE, {ghost} WRITE")
        try:
            columns = [set(self._columns(cursor, name)) for name in (table, ghost)]
            both = ", ".join(sorted(columns[0] & columns[1]))
            cursor.execute(f"INSERT INTO {ghost} ({both}) SELECT {both} FROM {table}")
            cursor.connection.commit()
            cursor.execute(f"ALTER TABLE {table} RENAME {old}")
            cursor.execute(f"ALTER TABLE {ghost} RENAME {table}")
        finally:
            cursor.execute("UNLOCK TABLES")
        cursor.execute(f"DROP TABLE {old}, {log}")

    @staticmethod
    def _columns(cursor, table):
        cursor.execute(f"SHOW COLUMNS FROM {table}")
        return [row[0] for row in cursor.fetchall()]
