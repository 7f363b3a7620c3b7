#!/usr/bin/env python3
"""Runs random DDL on a MariaDB or MySQL server and records what the tables are after each statement.

The record is for the unit test DdlDifferential, which feeds the same statements to the schema tracker
and compares after each one:

    record.py --socket /tmp/x/mysqld.sock --seed 1 --count 300 --out /tmp/ddl.jsonl
    DM_DDL_DIFFERENTIAL=/tmp/ddl.jsonl test_mysql --gtest_filter='DdlDifferential.*'

Statements that the server refuses are left out: a binlog has none of them.
"""
import argparse
import json
import random
import subprocess

TYPES = [
    "tinyint", "tinyint(1)", "smallint unsigned", "mediumint", "int", "int unsigned zerofill", "bigint",
    "bit(9)", "decimal(12,3)", "decimal", "float", "float(7,3)", "double", "date", "time(2)", "datetime",
    "datetime(6)", "timestamp null", "year", "char(7)", "char(3) character set latin1", "varchar(20)",
    "varchar(50) character set utf8mb3", "varchar(9) collate utf8mb4_bin", "binary(4)", "varbinary(16)",
    "tinytext", "text", "text(100)", "mediumtext", "longtext", "tinyblob", "blob", "longblob",
    "enum('a','b','c''d')", "set('x','y','z')", "boolean", "text character set latin1",
    "varchar(10) binary", "bool", "numeric(5)", "real", "national varchar(5)", "blob(70000)",
]
NUMBERS = ("int", "bigint", "smallint", "mediumint", "tinyint", "decimal", "numeric", "float", "double", "real")


class Server:
    def __init__(self, socket, database):
        self.command = ["mariadb", "--no-defaults", "-uroot", "--socket", socket, "-N", "-B", "--raw"]
        self.database = database

    def run(self, sql, database=True):
        done = subprocess.run(self.command + ([self.database] if database else []), input=sql,
                              capture_output=True, text=True)
        return done.returncode == 0, done.stdout

    def tables(self):
        names = self.run("show full tables where table_type = 'BASE TABLE'")[1].splitlines()
        return {n.split("\t")[0]: self.run(f"show create table `{n.split(chr(9))[0]}`")[1].split("\t", 1)[1].rstrip("\n")
                for n in names}


class Generator:
    def __init__(self, rng):
        self.rng = rng
        self.columns, self.indexes = {}, {}

    def learn(self, tables):
        """Names in use, read off the server's own definitions."""
        self.columns, self.indexes, self.fks = {}, {}, {}
        for table, text in tables.items():
            columns, indexes, fks = [], [], []
            for line in text.splitlines()[1:]:
                line = line.strip()
                if line.startswith("`"):
                    columns.append(line.split("`")[1])
                elif "KEY `" in line and not line.startswith("CONSTRAINT"):
                    indexes.append(line.split("`")[1])
                elif line.startswith("PRIMARY KEY"):
                    indexes.append("PRIMARY")
                elif "FOREIGN KEY" in line:
                    fks.append(line.split("`")[1])
            self.columns[table], self.indexes[table], self.fks[table] = columns, indexes, fks

    def name(self, prefix="c"):
        return f"{prefix}{self.rng.randrange(14)}"

    def column(self, table):
        return self.rng.choice(self.columns[table])

    def case(self, name):
        return name.upper() if self.rng.random() < 0.15 else name

    def definition(self, name, table=None, keys=True):
        r = self.rng
        kind = r.choice(TYPES)
        text = f"`{name}` {kind}"
        if table and r.random() < 0.08:
            other = self.column(table)
            return f"{text} as (`{other}`) {r.choice(['virtual', 'stored'])}"
        if r.random() < 0.35:
            text += r.choice([" not null", " null"])
        if r.random() < 0.3:
            if kind.startswith(NUMBERS):
                text += r.choice([" default 5", " default '7'", " default -3", " default (1 + 2)", " default 0"])
            elif "char" in kind and "national" not in kind:
                text += r.choice([" default 'x'", " default ''", " default (concat('a', 'b'))"])
            elif kind.startswith(("datetime(6)",)):
                text += " default current_timestamp(6) on update now(6)"
            elif kind == "datetime":
                text += r.choice([" default now()", " default '2020-01-02'"])
            elif kind == "date":
                text += " default '2020-02-29'"
            elif kind.startswith("enum"):
                text += " default 'B'"
            elif kind.startswith("bit"):
                text += " default b'101'"
        if r.random() < 0.15:
            text += " comment 'it''s \\\\ \"x\"'"
        if keys and r.random() < 0.06:
            text += r.choice([" unique", " primary key", " unique key"])
        if r.random() < 0.05:
            text += f" check (`{name}` is not null)"
        return text

    def parts(self, columns):
        chosen = self.rng.sample(columns, min(len(columns), self.rng.choice([1, 1, 1, 2, 3])))
        return ", ".join(f"`{self.case(c)}`" + self.rng.choice(["", "", "", "(2)", " desc"]) for c in chosen)

    def key(self, columns):
        r = self.rng
        return r.choice([
            f"key ({self.parts(columns)})", f"index k{r.randrange(9)} ({self.parts(columns)})",
            f"unique ({self.parts(columns)})", f"unique key u{r.randrange(9)} ({self.parts(columns)})",
            f"primary key ({self.parts(columns)})", f"fulltext key ft{r.randrange(9)} ({self.parts(columns)})",
            f"constraint x{r.randrange(9)} check (`{r.choice(columns)}` is not null)",
            f"constraint f{r.randrange(9)} foreign key (`{r.choice(columns)}`) references parent (id)",
            f"foreign key (`{r.choice(columns)}`) references parent (id) on delete set null",
        ])

    def create(self):
        r = self.rng
        names = r.sample([f"c{i}" for i in range(14)], r.randrange(1, 7))
        elements = [self.definition(n) for n in names]
        elements += [self.key(names) for _ in range(r.choice([0, 1, 1, 2]))]
        r.shuffle(elements)
        options = r.choice(["", "", " comment 'c'", " charset latin1", " charset utf8mb4 collate utf8mb4_unicode_ci",
                            " engine=InnoDB row_format=dynamic", " collate utf8mb3_bin", " charset=utf8mb4"])
        partition = ""
        if r.random() < 0.12:
            partition = r.choice([f" partition by hash (`{names[0]}`) partitions 3",
                                  f" partition by range (`{names[0]}`) (partition p0 values less than (10), partition p1 values less than maxvalue)"])
        return f"create table {self.name('t')} ({', '.join(elements)}){options}{partition}"

    def position(self, table):
        return self.rng.choice(["", "", " first", f" after `{self.column(table)}`"])

    def spec(self, table):
        r = self.rng
        new, old = self.name(), self.case(self.column(table))
        index = r.choice(self.indexes[table] or ["none"])
        return r.choice([
            lambda: f"add column {self.definition(new, table)}{self.position(table)}",
            lambda: f"add {self.definition(new, table)}",
            lambda: f"add column ({self.definition(new, table)}, {self.definition(self.name(), table)})",
            lambda: f"add column if not exists {self.definition(new, table)}{self.position(table)}",
            lambda: f"drop column `{old}`",
            lambda: f"drop column if exists {new}",
            lambda: f"modify {self.definition(old, table, keys=False)}{self.position(table)}",
            lambda: f"change `{old}` {self.definition(new, table, keys=False)}{self.position(table)}",
            lambda: f"rename column `{old}` to `{new}`",
            lambda: f"add {self.key(self.columns[table])}",
            lambda: f"add {self.key(self.columns[table])}",
            lambda: f"drop index `{index}`",
            lambda: f"drop key if exists k{r.randrange(9)}",
            lambda: "drop primary key",
            lambda: f"rename index `{index}` to r{r.randrange(9)}",
            lambda: f"alter column `{old}` set default {r.choice(['5', 'NULL', chr(39) + 'q' + chr(39)])}",
            lambda: f"alter column `{old}` drop default",
            lambda: f"drop foreign key `{r.choice(self.fks[table] or ['none'])}`",
            lambda: f"drop constraint if exists x{r.randrange(9)}",
            lambda: f"convert to character set {r.choice(['utf8mb4', 'latin1', 'utf8mb3 collate utf8mb3_bin'])}",
            lambda: r.choice(["charset latin1", "default character set utf8mb4 collate utf8mb4_bin", "comment 'n'",
                              "auto_increment=9", "row_format=compact", "algorithm=copy", "engine=InnoDB", "force"]),
            lambda: r.choice(["partition by key (" + self.column(table) + ") partitions 2", "remove partitioning",
                              "add partition partitions 1", "coalesce partition 1", "drop partition p0"]),
            lambda: f"rename to {self.name('t')}",
        ])()

    def statement(self):
        r = self.rng
        tables = [t for t in self.columns if t != "parent"]
        if len(tables) < 4 or r.random() < 0.08:
            return self.create()
        table = r.choice(tables)
        pick = r.random()
        if pick < 0.78:
            return f"alter table {table} {', '.join(self.spec(table) for _ in range(r.choice([1, 1, 1, 2, 3])))}"
        if pick < 0.82:
            return f"create {r.choice(['', 'unique '])}index i{r.randrange(9)} on {table} ({self.parts(self.columns[table])})"
        if pick < 0.86:
            return f"drop index `{r.choice(self.indexes[table] or ['none'])}` on {table}"
        if pick < 0.90:
            return f"rename table {table} to {self.name('t')}"
        if pick < 0.92:
            return f"rename table {table} to swap, {r.choice(tables)} to {table}, swap to {self.name('t')}"
        if pick < 0.95:
            return f"create table {self.name('t')} like {table}"
        if pick < 0.97:
            return f"create or replace table {table} ({self.definition('c1')}, {self.definition('c2')})"
        return f"drop table {table}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200, help="statements that the server must have taken")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    server = Server(args.socket, f"ddl_differential_{args.seed}")
    server.run(f"drop database if exists {server.database}; create database {server.database} character set utf8mb4 collate utf8mb4_general_ci", False)
    generator = Generator(random.Random(args.seed))
    done, tried = 0, 0
    with open(args.out, "w") as out:
        sql = "create table parent (id int primary key)"
        while done < args.count and tried < args.count * 30:
            tried += 1
            ok, _ = server.run("set session sql_mode='NO_ENGINE_SUBSTITUTION'; " + sql)
            if ok:
                tables = server.tables()
                out.write(json.dumps({"sql": sql, "tables": tables}) + "\n")
                generator.learn(tables)
                done += 1
            sql = generator.statement()
    print(f"seed {args.seed}: {done} statements taken of {tried}")


if __name__ == "__main__":
    main()
