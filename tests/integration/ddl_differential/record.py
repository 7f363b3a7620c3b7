#!/usr/bin/python3
"""Runs DDL on a MariaDB or MySQL server and records what information_schema says after each statement.

`run` calls it for every kind of server and gives the records to the program ddl_differential (compare.cc), which feeds
the same statements to the schema tracker and compares after each one. By hand:

    record.py --socket /tmp/x/mysqld.sock --seed 1 --count 300 --out /tmp/ddl.jsonl
    build/bin/ddl_differential /tmp/ddl.jsonl

What the server logged is what the tracker gets. Seed 0 takes the hand-written statements (statements/*.sql), any other one makes statements at random (generate.py).
Statements that the server refuses are recorded with the error number: what one side alone refuses must be explained.
"""
import argparse
import glob
import json
import os
import random
import re
import time

import pymysql

from generate import Generator, mutate

HERE = os.path.dirname(os.path.abspath(__file__))
CHARSET = "utf8mb4"  # of the database that the tables are in
COLLATION = {"mysql": "utf8mb4_0900_ai_ci", "mariadb": "utf8mb4_general_ci"}
MODES = ["", "NO_ENGINE_SUBSTITUTION", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "REAL_AS_FLOAT", "PIPES_AS_CONCAT",
         "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"]
LOST = (2006, 2013)
HALF_AN_EVENT = 1220
LOG_READS = 100
LOCKED = 1205
LOCK_SECONDS = 120  # that a statement is sent again and again

QUERIES = {
    "columns": {
        "mysql": "select table_name, column_name, column_type, is_nullable, character_set_name, collation_name, column_default, extra, "
                 "generation_expression, column_comment from information_schema.columns where table_schema = %s order by ordinal_position",
    },
    "indexes": {
        "mysql": "select table_name, index_name, non_unique, index_type, index_comment, is_visible, column_name, sub_part, expression "
                 "from information_schema.statistics where table_schema = %s order by index_name, seq_in_index",
        "mariadb": "select table_name, index_name, non_unique, index_type, index_comment, ignored, column_name, sub_part, null "
                   "from information_schema.statistics where table_schema = %s order by index_name, seq_in_index",
    },
    "foreign_columns": {
        "mysql": "select table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name "
                 "from information_schema.key_column_usage where table_schema = %s and referenced_table_name is not null "
                 "order by constraint_name, ordinal_position",
    },
    "foreign_rules": {
        "mysql": "select table_name, constraint_name, update_rule, delete_rule from information_schema.referential_constraints "
                 "where constraint_schema = %s order by constraint_name",
    },
    "checks": {
        "mysql": "select t.table_name, t.constraint_name, t.enforced, c.check_clause from information_schema.table_constraints t "
                 "join information_schema.check_constraints c on c.constraint_schema = t.constraint_schema and c.constraint_name = t.constraint_name "
                 "where t.constraint_schema = %s and t.constraint_type = 'CHECK' order by t.constraint_name",
        "mariadb": "select table_name, constraint_name, level, check_clause from information_schema.check_constraints where constraint_schema = %s "
                   "order by constraint_name, check_clause",
    },
    "partitions": {
        "mysql": "select table_name, partition_name, subpartition_name, partition_method, subpartition_method, partition_expression, "
                 "partition_description, partition_comment from information_schema.partitions "
                 "where table_schema = %s and partition_name is not null order by partition_ordinal_position, subpartition_ordinal_position",
    },
    "table": {
        "mysql": "select table_name, table_collation, table_comment, table_type from information_schema.tables where table_schema = %s and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')",
    },
}


def text(value):
    # Defaults of binary columns may be any bytes.
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


class Server:
    def __init__(self, socket, database):
        self.connection = pymysql.connect(unix_socket=socket, user="root", password="", charset="utf8mb4",
                                          autocommit=True, use_unicode=False, read_timeout=240, write_timeout=240)
        self.query("set session lock_wait_timeout = 100")
        version = self.query("select version()")[0][0]
        self.flavor = "mariadb" if "MariaDB" in version else "mysql"
        self.database = database
        collation = COLLATION[self.flavor]
        self.query(f"drop database if exists {database}")
        self.query(f"create database {database} character set {CHARSET} collate {collation}")
        self.query(f"use {database}")
        defaults = {row[0]: row[2] for row in self.query("show character set")}
        self.header = {"flavor": self.flavor, "version": version, "database": database, "charset": CHARSET,
                       "collation": collation, "default_collations": defaults}
        self.mode, self.explicit = None, True
        self.log_place = self.log_end()

    def query(self, sql, *args):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, args or None)
            return [[text(value) for value in row] for row in cursor.fetchall()]

    def set_mode(self, mode):
        if mode != self.mode:
            self.query(f"set session sql_mode = '{mode}'")
            self.mode = mode

    def set_explicit(self, explicit):
        """explicit_defaults_for_timestamp of the session."""
        if explicit != self.explicit:
            self.query(f"set session explicit_defaults_for_timestamp = {int(explicit)}")
            self.explicit = explicit

    def log_end(self):
        status = "show master status" if self.flavor == "mariadb" else "show binary log status"
        return self.query(status)[0][:2]

    def log_events(self):
        """What was logged since the last call. The servers read the file as another session writes it: half an event is
        error 1220, and the file is read again."""
        for attempt in range(LOG_READS):
            try:
                return self.query(f"show binlog events in '{self.log_place[0]}' from {self.log_place[1]}")
            except pymysql.err.Error as error:
                if error.args[0] != HALF_AN_EVENT or attempt + 1 == LOG_READS:
                    raise
        return []

    def logged(self, sql):
        """Statements of this database that were logged since the last call: servers rewrite some."""
        statements, start = [], f"use `{self.database}`; "
        for row in self.log_events():
            if row[2] == "Query" and row[5].startswith(start):
                # What MariaDB shows of the event's flags is not part of the statement.
                statements.append(re.sub(r"^(set \w+=\d; )+", "", row[5][len(start):]))
            elif row[2] == "Query" and row[5].startswith(sql.strip()) and \
                    re.match(r"(?i)alter\s+(database|schema)", re.sub(r"^\s*(/\*.*?\*/|(--|#) [^\n]*\n)?\s*", "", sql)):
                statements.append(row[5])  # without the database it was sent in
        self.log_place = self.log_end()
        return statements

    def refusal(self, sql):
        """Executes a statement; the error number if the server refuses it, else 0. One with NOWAIT meets, by chance, threads of
        the server itself that have the table, and is sent again: the same seed has to make the same statements."""
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                self.query(sql)
                return 0
            except pymysql.err.Error as error:
                if error.args[0] in LOST:
                    raise
                refusal = error.args[0]
            if refusal != LOCKED or time.monotonic() > end:
                return refusal

    def state(self):
        tables = {}
        for part, queries in QUERIES.items():
            for row in self.query(queries.get(self.flavor, queries["mysql"]), self.database):
                tables.setdefault(row[0], {name: [] for name in QUERIES})[part].append(row[1:])
        # In an order of their own: the next statements are picked from these, and servers give tables in any order.
        return {name: tables[name] for name in sorted(tables) if tables[name]["table"]}

    def create_text(self, table):
        quoted = table.replace("`", "``").replace("%", "%%")
        shown = None
        try:
            shown = self.query(f"show create table `{quoted}`")[0][1]
        except pymysql.err.Error as error:
            if error.args[0] in LOST:
                raise
        return shown


class Recorder:
    def __init__(self, server, out):
        self.server, self.out, self.tables = server, out, {}
        self.taken = self.refused = 0
        out.write(json.dumps({"start": server.header}) + "\n")

    def execute(self, sql, mode="", explicit=True):
        self.server.set_mode(mode)
        self.server.set_explicit(explicit)
        refusal = self.server.refusal(sql)
        step = {"sql": sql, "mode": mode, "explicit": explicit, "errno": refusal}
        if refusal:
            self.refused += 1
            # Some statements of MariaDB change something before they fail.
            self.server.set_mode("")
            self.server.logged(sql)
            state = self.server.state()
            if state != self.tables:
                self.out.write(json.dumps(step) + "\n")
                step = {"resync": {name: {**table, "create": self.server.create_text(name)} for name, table in state.items()
                                   if self.tables.get(name) != table},
                        "dropped": [name for name in self.tables if name not in state]}
                self.tables = state
        else:
            self.taken += 1
            self.server.set_mode("")  # servers print by the session's mode
            step["logged"] = self.server.logged(sql)
            state = self.server.state()
            changed = {name: table for name, table in state.items() if self.tables.get(name) != table}
            step["tables"] = {name: {**table, "create": self.server.create_text(name)} for name, table in changed.items()}
            step["dropped"] = [name for name in self.tables if name not in state]
            self.tables = state
        self.out.write(json.dumps(step) + "\n")
        return refusal == 0


def hand_written(flavor):
    """(mode, explicit, statement) from statements/*.sql: the common ones and the flavor's. `-- mode: X` sets the sql_mode,
    `-- explicit: on` or `off` explicit_defaults_for_timestamp, a line `-- fresh` drops all tables first."""
    for path in sorted(glob.glob(os.path.join(HERE, "statements", "*.sql"))):
        if not os.path.basename(path).startswith(("common", flavor)):
            continue
        mode, explicit, lines = "", True, []
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("-- mode:"):
                    mode = line.split(":", 1)[1].strip()
                elif line.startswith("-- explicit:"):
                    explicit = line.split(":", 1)[1].strip() == "on"
                elif line.startswith("-- fresh"):
                    yield None, None, None
                elif line.startswith("-- ") or not line.strip():
                    if lines:
                        lines.append(line)
                else:
                    lines.append(line)
                    if line.rstrip().endswith(";"):
                        yield mode, explicit, "".join(lines).rstrip().rstrip(";")
                        lines = []
        assert not lines, f"{path}: no ';' at the end of {lines}"


def record_hand_written(server, recorder):
    for mode, explicit, sql in hand_written(server.flavor):
        if sql is None:
            recorder.execute("set foreign_key_checks = 0")
            for table in list(recorder.tables):
                recorder.execute("drop table `" + table.replace("`", "``") + "`")
            recorder.execute("set foreign_key_checks = 1")
        else:
            recorder.execute(sql, mode, explicit)


def record_random(server, recorder, seed, count):
    rng = random.Random(seed)
    generator = Generator(rng, server.flavor, server.database)
    recorder.execute("create table parent (id int primary key, k varchar(20), unique key (k))")
    while recorder.taken + recorder.refused < count:
        generator.learn(recorder.tables)
        mode = rng.choice(MODES) if rng.random() < 0.2 else MODES[-1] if rng.random() < 0.5 else ""
        recorder.execute(mutate(rng, generator.statement(), mode), mode)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200, help="random statements, refused ones included")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    server = Server(args.socket, f"ddl_differential_{args.seed}")
    with open(args.out, "w", encoding="utf-8") as out:
        recorder = Recorder(server, out)
        if args.seed == 0:
            record_hand_written(server, recorder)
        else:
            record_random(server, recorder, args.seed, args.count)
    server.query(f"drop database {server.database}")
    print(f"seed {args.seed}: {recorder.taken} statements taken, {recorder.refused} refused")
    if recorder.taken < recorder.refused / 3:
        raise SystemExit("too few of the statements are valid")


if __name__ == "__main__":
    main()
