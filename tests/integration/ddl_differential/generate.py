"""Random DDL for the table definitions at hand: most statements are valid, some are not."""
import re

NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "numeric", "float", "double", "real", "dec", "fixed", "bool")
TYPES = [
    "tinyint", "tinyint(1)", "smallint unsigned", "mediumint", "int", "int", "int(5)", "int unsigned zerofill", "bigint", "bigint unsigned",
    "int1", "int2", "int3", "int4", "int8", "middleint", "integer", "boolean", "bool", "bit", "bit(9)", "decimal(12,3)", "decimal", "numeric(5)",
    "dec(8,2) unsigned", "fixed(6)", "numeric(8,3) zerofill", "float", "float(7,3)", "float(10)", "float(30)", "double", "double precision(8,3)",
    "real", "float4", "float8", "double unsigned", "date", "time", "time(2)", "datetime", "datetime(6)", "datetime(3)", "timestamp null",
    "timestamp(3) null", "timestamp", "year", "year(4)", "char", "char(7)", "char(3) character set latin1", "nchar(3)", "national char(4)",
    "varchar(20)", "varchar(20)", "varchar(50) character set utf8mb3", "varchar(9) collate utf8mb4_bin", "character varying(12)",
    "varchar(10) charset latin1 collate latin1_german1_ci", "varchar(20) character set binary", "char(5) byte", "char varying(6)",
    "varchar(10) binary", "varchar(5) ascii", "national varchar(5)", "nvarchar(6)", "varchar(30) charset gbk", "varchar(12) charset utf16",
    "binary(4)", "binary", "varbinary(16)", "tinytext", "text", "text(100)", "text(300000)", "mediumtext", "longtext", "tinyblob", "blob",
    "blob(10)", "blob(70000)", "mediumblob", "longblob", "long", "long varchar", "long varbinary", "text character set latin1", "text unicode",
    "tinytext charset ascii", "text charset utf8mb3 collate utf8mb3_unicode_ci", "enum('a','b','c''d')", "enum('x','y ') charset latin1",
    "set('x','y','z')", "set('a','b') collate utf8mb4_bin", "json", "geometry", "point", "linestring", "geometrycollection",
]
FLAVOR_TYPES = {
    "mysql": ["vector(3)", "vector", "point srid 4326", "geometry not null srid 0", "geomcollection", "varchar(8) collate utf8mb4_0900_as_cs"],
    "mariadb": ["inet6", "uuid", "inet4", "varchar(20) compressed", "text compressed", "varchar(8) collate uca1400_as_ci"],
}
COLLATIONS = ["utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb3_bin", "latin1_bin", "latin1_swedish_ci", "binary"]
CHARSETS = ["utf8mb4", "utf8mb4", "latin1", "utf8mb3", "utf8", "ascii", "gbk", "binary", "default"]


def mutate(rng, sql, mode):
    """Another way to write the same."""
    if "ANSI_QUOTES" in mode:
        # Strings in double quotes are names now.
        sql = re.sub(r'"([^"`\']*)"', r"'\1'", sql)
        if rng.random() < 0.7 and '"' not in sql:
            sql = sql.replace("`", '"')
    if "NO_BACKSLASH_ESCAPES" in mode and "\\" in sql:
        return sql
    parts = re.split(r"('(?:[^'\\]|''|\\.)*'|`[^`]*`|\"[^\"]*\")", sql)
    pick = rng.random()
    for i in range(0, len(parts), 2):
        if pick < 0.2:
            parts[i] = parts[i].upper()
        elif pick < 0.28:
            parts[i] = parts[i].replace(", ", rng.choice([",", "\n,\t", " /* c */, ", ", -- c\n", ",# c ' \n"]))
        elif pick < 0.32:
            parts[i] = parts[i].replace(" ", "  ")
    sql = "".join(parts)
    if pick > 0.95:
        sql = rng.choice(["/* hello */ ", "-- note\n", "# note\n", "  ", "/*! */ "]) + sql
    elif pick > 0.93:
        sql = re.sub(r"(?i)\b(not null|unsigned|comment '[^'\\]*')(?=[ ,)])", r"/*!50001 \1 */", sql, count=1)
    return sql


class Generator:
    def __init__(self, rng, flavor, database):
        self.rng, self.flavor, self.database = rng, flavor, database
        self.mariadb = flavor == "mariadb"
        self.kinds = {}  # type by lower-case column name, of the table at hand
        self.types = TYPES + FLAVOR_TYPES[flavor] * 2
        self.tables = {}

    def learn(self, tables):
        self.tables = tables

    # -- names
    def columns(self, table):
        self.kinds = {row[0].lower(): row[1] for row in self.tables[table]["columns"]}
        return list(dict.fromkeys(row[0] for row in self.tables[table]["columns"]))

    def indexes(self, table):
        return sorted({row[0] for row in self.tables[table]["indexes"]})

    def foreign_keys(self, table):
        return [row[0] for row in self.tables[table]["foreign_rules"]]

    def checks(self, table):
        return [row[0] for row in self.tables[table]["checks"]]

    def partitions(self, table):
        names = []
        for row in self.tables[table]["partitions"]:
            if row[0] not in names:
                names.append(row[0])
        return names

    def partition_method(self, table):
        rows = self.tables[table]["partitions"]
        return (rows[0][2] or "").upper() if rows else ""

    def quoted(self, name):
        return "`" + name.replace("`", "``") + "`"

    def any(self, names, other="none"):
        return self.quoted(self.case(self.rng.choice(names))) if names else other

    def name(self, prefix="c"):
        if self.rng.random() < 0.03:
            # MySQL garbles other letters in the expressions that it shows.
            odd = ["select", "Order", "a b", "1a", "x-y", "q`r", "key"]
            return self.rng.choice(odd + (["größe", "数"] if self.mariadb else []))
        return f"{prefix}{self.rng.randrange(14)}"

    def table_name(self):
        name = self.name("t")
        return name if re.fullmatch(r"t\d+", name) else self.quoted(name)

    def chance(self, share):
        return self.rng.random() < share

    def case(self, name):
        return name.upper() if self.chance(0.15) and name.isascii() else name

    # -- columns
    def default(self, kind):
        r = self.rng
        word = re.match(r"[a-z0-9]+", kind).group()
        if kind.startswith(NUMBERS) or word in ("int1", "int2", "int3", "int4", "int8", "middleint", "integer", "float4", "float8", "boolean"):
            if "unsigned" in kind or "zerofill" in kind:
                return r.choice(["5", "'7'", "0", "1.5", "'08'", "1e0"])
            return r.choice(["5", "'7'", "-3", "(1 + 2)", "0", "+4", "1.5", "true", "'08'", "x'05'", "0x06", "b'111'", "1e0", "'-2.25'", "(abs(-4))"])
        if word in ("char", "varchar", "nchar", "nvarchar", "character", "national", "varchar2"):
            wide = "'ü'" if "utf16" not in kind and "ascii" not in kind else "'u'"
            return r.choice(["'x'", "''", "(concat('a', 'b'))", "'it''s'", "\"q\"", "'a\\\\b'", wide, "_latin1'z'", "x'41'", "5", "'5' 'x'", "null",
                             "(upper('y'))"])
        if word in ("binary", "varbinary", "raw"):
            return r.choice(["'x'", "''", "x'41'", "0x7F", "'ab'"])
        if word in ("datetime", "timestamp"):
            digits = re.match(r"[a-z]+(\(\d\))?", kind).group(1) or ""
            return r.choice([f"current_timestamp{digits}", f"now{digits or '()'}", f"current_timestamp{digits} on update current_timestamp{digits}",
                             f"localtimestamp{digits} on update now{digits or '()'}", "'2020-01-02'", "'2020-01-02 03:04:05'", "20200102030405", "'2021-6-7'",
                             "timestamp'2022-01-01 00:00:00'", "(now() + interval 1 day)", "null"])
        if word == "date":
            return r.choice(["'2020-02-29'", "20200301", "'2020-3-4'", "date'2020-05-06'", "(curdate())", "'20200102'"])
        if word == "time":
            return r.choice(["'10:11:12'", "'1:2:3'", "101112", "'-838:59:59'", "'10:11'", "'2 03:04:05'", "(curtime())"])
        if word == "year":
            return r.choice(["2020", "'1999'", "70", "'12'", "0"])
        if word == "enum":
            return r.choice(["'a'", "'b'", "'x'", "'y'"])
        if word == "set":
            return r.choice(["'x'", "'a'", "''", "'x,y'"])
        if word == "bit":
            return r.choice(["b'1'", "1", "0b1", "b'0'", "x'01'"])
        if word in ("text", "tinytext", "mediumtext", "longtext", "blob", "tinyblob", "json", "long", "clob") and (self.mariadb or self.chance(0.7)):
            if word == "json":
                return "(json_array())"
            return "('x')" if not self.mariadb else r.choice(["('x')", "'y'"])
        if word == "uuid":
            return r.choice(["uuid()", "(uuid())"])
        if word == "inet6":
            return "'::1'"
        return None

    def definition(self, name, table=None, keys=True):
        r = self.rng
        kind = r.choice(self.types)
        self.kinds.setdefault(name.lower(), kind)
        text = f"{self.quoted(name)} {kind}"
        if table and self.chance(0.08):
            other = self.quoted(self.rng.choice(self.columns(table)))
            expression = r.choice([f"{other}", f"concat({other}, 'x')", f"({other} is null)", f"coalesce({other}, 1)", f"if({other} > 1, 'a', \"b\")"])
            stored = r.choice(["virtual", "stored", ""] + (["persistent"] if self.mariadb else []))
            return f"{text} {r.choice(['generated always as', 'as'])} ({expression}) {stored}" + r.choice(["", "", " comment 'g'"])
        attributes = []
        if "null" not in kind and "compressed" not in kind and self.chance(0.4):
            attributes.append(r.choice(["not null", "not null", "null"]))
        if self.chance(0.35):
            value = self.default(kind)
            if value is not None:
                attributes.append(f"default {value}")
        if self.chance(0.12):
            attributes.append(r.choice(["comment 'it''s \\\\ \"x\"'", "comment 'c'", "comment \"d\"", "comment 'a;\\nb'", "comment ''", "comment 'größe'"]))
        if keys and self.chance(0.06):
            attributes.append(r.choice(["unique", "primary key", "unique key", "key"]))
        if keys and self.chance(0.05):
            attributes.append(r.choice([f"check ({self.quoted(name)} is not null)", f"constraint xc{r.randrange(99)} check ({self.quoted(name)} <> '3')"]))
        if self.chance(0.04):
            attributes.append("invisible")
        if keys and self.chance(0.02):
            attributes.append("references parent (id)")
        if not self.mariadb and self.chance(0.04):
            attributes.append(r.choice(["column_format dynamic", "storage memory", "visible", "column_format default", "engine_attribute='{}'"]))
        if "char" in kind and "charset" not in kind and "character" not in kind and "collate" not in kind and self.chance(0.1):
            attributes.append(f"collate {r.choice(COLLATIONS[:3])}")
        r.shuffle(attributes)
        # What belongs to a type goes first.
        return " ".join([text] + sorted(attributes, key=lambda a: not a.startswith("collate")))

    # -- keys
    def parts(self, columns):
        chosen = self.rng.sample(columns, min(len(columns), self.rng.choice([1, 1, 1, 2, 3])))
        out = []
        for column in chosen:
            kind = self.kinds.get(column.lower(), "int")
            unfit = kind.startswith(("json", "geom", "point", "line", "vector"))
            if unfit and len(chosen) > len(out) + 1:
                continue
            choices = ["", "", "", "", " desc", " asc"]
            if re.match(r"(tiny|medium|long)?(text|blob)|long", kind):
                choices = ["(5)", "(3)", "(9)"]
            elif "char" in kind or "binary" in kind:
                choices += ["(2)", "(3)"]
            out.append(self.quoted(self.case(column)) + self.rng.choice(choices))
        return ", ".join(out)

    def index_options(self):
        r = self.rng
        return r.choice(["", "", "", "", " using btree", " comment 'ic'", " key_block_size=4", " using hash",
                         " ignored" if self.mariadb else " invisible", " not ignored" if self.mariadb else " visible"])

    def key(self, columns):
        r = self.rng
        column = self.any(columns)
        functional = [] if self.mariadb else [f"key ((concat({column}, 'x')))", f"unique key fu{r.randrange(9)} ((coalesce({column}, 1)))",
                                              f"key ((({column} is null)), {self.quoted(r.choice(columns))})"]
        return r.choice([
            f"key ({self.parts(columns)}){self.index_options()}", f"index k{r.randrange(9)} ({self.parts(columns)}){self.index_options()}",
            f"unique ({self.parts(columns)})", f"unique key u{r.randrange(9)} ({self.parts(columns)}){self.index_options()}",
            f"unique index `U{r.randrange(9)}` using btree ({self.parts(columns)})",
            f"constraint cu{r.randrange(9)} unique ({self.parts(columns)})", f"constraint cu{r.randrange(9)} unique key cv{r.randrange(9)} ({self.parts(columns)})",
            f"primary key ({self.parts(columns)})", f"constraint pk primary key ({self.parts(columns)})",
            f"fulltext key ft{r.randrange(9)} ({column})", f"fulltext ({column})", f"spatial index ({column})",
            f"constraint x{r.randrange(9)} check ({column} is not null)", f"check ({column} <> '5')",
            f"constraint f{r.randrange(9)} foreign key ({column}) references parent (id)",
            f"foreign key ({column}) references parent (id) on delete set null",
            f"foreign key fi{r.randrange(9)} ({column}) references parent (id) on update cascade on delete cascade",
            f"constraint `f{r.randrange(9)}` foreign key fj{r.randrange(9)} ({column}) references `parent` (`id`) on delete no action",
        ] + functional)

    # -- tables
    def table_options(self):
        r = self.rng
        own = [" page_compressed=1", " transactional=0"] if self.mariadb else [" compression='zlib'", " autoextend_size=4M", " stats_persistent default"]
        return r.choice(["", "", "", " comment 'c'", " charset latin1", " charset utf8mb4 collate utf8mb4_unicode_ci", " engine=InnoDB row_format=dynamic",
                         " collate utf8mb3_bin", " charset=utf8mb4", " default character set = utf8 comment = \"x\"", " auto_increment 7, comment 'm'",
                         " stats_persistent=0 stats_auto_recalc=1 min_rows 3 max_rows=9", " row_format=compressed key_block_size=4",
                         " collate=latin1_bin", " charset binary"] + own)

    def partitioning(self, columns):
        r = self.rng
        column = self.quoted(r.choice(columns))
        return r.choice([
            f"partition by hash ({column}) partitions 3", f"partition by linear hash ({column}) partitions 2", f"partition by key ({column}) partitions 2",
            "partition by key () partitions 3", f"partition by hash ({column})",
            f"partition by range ({column}) (partition p0 values less than (10), partition p1 values less than (20) comment 'pc')",
            f"partition by range ({column}) (partition p0 values less than (10), partition p1 values less than maxvalue)",
            f"partition by range columns ({column}) (partition p0 values less than ('10'), partition p1 values less than (maxvalue))",
            f"partition by list ({column}) (partition p0 values in (1, 2, null), partition p1 values in (5))",
            f"partition by list columns ({column}) (partition p0 values in (1, 2), partition p1 values in (3))",
            f"partition by range ({column}) subpartition by hash ({column}) subpartitions 2 (partition p0 values less than (5), partition p1 values less than (9))",
        ])

    def create(self, verb="create table"):
        r = self.rng
        names, self.kinds = [], {}
        while len(names) < r.randrange(1, 7):
            name = self.name()
            if name.lower() not in [n.lower() for n in names]:
                names.append(name)
        elements = [self.definition(n) for n in names]
        names = [n for n in names]
        if self.chance(0.12):
            elements[0] = f"{self.quoted(names[0])} {r.choice(['serial', 'bigint auto_increment primary key', 'int unsigned not null auto_increment unique', 'int serial default value'])}"
        elements += [self.key(names) for _ in range(r.choice([0, 1, 1, 2]))]
        r.shuffle(elements)
        partition = " " + self.partitioning(names) if self.chance(0.12) else ""
        exists = r.choice(["", "", "", " if not exists"]) if "replace" not in verb else ""
        return f"{verb}{exists} {self.table_name()} ({', '.join(elements)}){self.table_options()}{partition}"

    def position(self, table):
        return self.rng.choice(["", "", " first", f" after {self.any(self.columns(table))}"])

    def partition_spec(self, table):
        r = self.rng
        names, method = self.partitions(table), self.partition_method(table)
        if not names:
            return r.choice([self.partitioning(self.columns(table)), "remove partitioning"])
        common = ["remove partitioning", f"truncate partition {self.quoted(names[0])}", "rebuild partition all", "analyze partition all",
                  f"optimize partition {self.quoted(names[-1])}", "check partition all", self.partitioning(self.columns(table))]
        if "HASH" in method or "KEY" in method:
            return r.choice(common + ["add partition partitions 2", "coalesce partition 1", "add partition partitions 1",
                                      "add partition (partition px, partition py)"])
        bound = r.randrange(30, 99)
        values = f"values in ({bound})" if "LIST" in method else f"values less than ({bound})"
        new = f"q{r.randrange(9)}"
        condition = " if not exists" if self.mariadb and self.chance(0.3) else ""
        drop = " if exists" if self.mariadb and self.chance(0.3) else ""
        return r.choice(common + [
            f"add partition{condition} (partition {new} {values})", f"drop partition{drop} {self.quoted(r.choice(names))}",
            f"reorganize partition {self.quoted(names[-1])} into (partition {new} {values}, partition z{r.randrange(9)} "
            + ("values in (120))" if "LIST" in method else "values less than maxvalue)"),
            f"reorganize partition {', '.join(map(self.quoted, names))} into (partition {new} {'values in (1, 2, 3, 5)' if 'LIST' in method else 'values less than maxvalue'})",
        ])

    def spec(self, table):
        r = self.rng
        columns = self.columns(table)
        new, old = self.quoted(self.name()), self.any(columns)
        index = self.any(self.indexes(table))
        exists = " if exists" if self.mariadb and self.chance(0.3) else ""
        absent = " if not exists" if self.mariadb and self.chance(0.3) else ""
        choices = [
            lambda: f"add column{absent} {self.definition(self.name(), table)}{self.position(table)}",
            lambda: f"add {self.definition(self.name(), table)}",
            lambda: f"add column ({self.definition('c1', table)}, {self.definition('c9', table)})",
            lambda: f"drop column{exists} {old}",
            lambda: f"drop {old}",
            lambda: f"modify{exists} {self.definition(r.choice(columns), table, keys=False)}{self.position(table)}",
            lambda: f"modify column {self.definition(r.choice(columns), keys=self.chance(0.2))}",
            lambda: f"change{exists} {old} {self.definition(self.name(), table, keys=False)}{self.position(table)}",
            lambda: f"rename column{exists} {old} to {new}",
            lambda: f"add {self.key(columns)}",
            lambda: f"add {self.key(columns)}",
            lambda: f"add index{absent} k{r.randrange(9)} ({self.parts(columns)})",
            lambda: f"drop index{exists} {index}",
            lambda: f"drop key{exists} k{r.randrange(9)}",
            lambda: "drop primary key",
            lambda: f"rename {r.choice(['index', 'key'])} {index} to r{r.randrange(9)}",
            lambda: f"alter{r.choice([' column', ''])} {old} set default {r.choice(['5', 'NULL', '(1 + 1)', '1'])}",
            lambda: f"alter column {old} drop default",
            lambda: f"drop foreign key{exists} {self.any(self.foreign_keys(table))}",
            lambda: f"drop constraint{exists} {self.any(self.checks(table) + self.foreign_keys(table) + self.indexes(table))}",
            lambda: f"alter index {index} {r.choice(['ignored', 'not ignored'] if self.mariadb else ['visible', 'invisible'])}",
            lambda: f"convert to character set {r.choice(['utf8mb4', 'latin1', 'utf8mb3 collate utf8mb3_bin', 'default', 'utf8mb4 collate utf8mb4_bin', 'binary'])}",
            lambda: r.choice(["charset latin1", "default character set utf8mb4 collate utf8mb4_bin", "comment 'n'", "collate latin1_bin",
                              "auto_increment=9", "row_format=compact", "algorithm=copy", "engine=InnoDB", "force", "comment=''",
                              "lock=shared", "algorithm inplace", "algorithm=instant", f"order by {old} desc", "disable keys", "enable keys",
                              "stats_persistent=1 comment 'two'", "algorithm default", "lock default", "default collate utf8mb4_unicode_ci",
                              f"character set {r.choice(CHARSETS)}"]),
            lambda: self.partition_spec(table),
            lambda: f"rename {r.choice(['to ', 'as ', '', '= '])}{self.table_name()}",
        ]
        if not self.mariadb:
            choices += [
                lambda: f"alter column {old} set {r.choice(['visible', 'invisible'])}",
                lambda: f"alter check {self.any(self.checks(table))} {r.choice(['', 'not '])}enforced",
                lambda: f"alter constraint {self.any(self.checks(table))} not enforced",
                lambda: f"drop check {self.any(self.checks(table))}",
                lambda: f"add check ({old} is not null) not enforced",
                lambda: "without validation",
            ]
        else:
            choices += [
                lambda: f"add constraint if not exists x{r.randrange(9)} check ({old} <> 'q')",
                lambda: f"alter column if exists {old} set default 4",
                lambda: f"rename index if exists k1 to r{r.randrange(9)}",
                lambda: f"add constraint fz foreign key if not exists ({old}) references parent (id)",
            ]
        return r.choice(choices)()

    def statement(self):
        r = self.rng
        tables = [t for t in self.tables if t != "parent"]
        if len(tables) < 3 or (self.chance(0.09) and len(tables) < 7):
            return self.create()
        table = r.choice(tables)
        quoted = self.quoted(table)
        pick = r.random()
        wait = r.choice(["", "", "", " nowait", " wait 1"]) if self.mariadb else ""
        if pick < 0.74:
            specs, partitioning = [], ""
            for _ in range(r.choice([1, 1, 1, 1, 2, 3])):
                spec = self.spec(table)
                # Partitioning is no member of a list.
                if spec.startswith(("partition by", "remove part")):
                    partitioning = spec
                else:
                    specs.append(spec)
            alone = [s for s in specs if " partition" in s.split("(")[0] and not s.startswith(("add col", "mod", "cha"))]
            specs = alone[:1] or specs
            text = ", ".join(specs) + (" " + partitioning if partitioning and not alone else "")
            return f"alter {r.choice(['', '', '', 'online ' if self.mariadb else '', 'ignore ' if self.mariadb else ''])}table {quoted}{wait} {text}"
        if pick < 0.79:
            kind = r.choice(["", "", "unique ", "fulltext ", "or replace " if self.mariadb else ""])
            absent = " if not exists" if self.mariadb and "replace" not in kind and self.chance(0.3) else ""
            lock = r.choice(["", "", " algorithm=inplace", " lock none", " algorithm inplace lock=none", " comment 'x' algorithm=default"])
            return f"create {kind}index{absent} i{r.randrange(9)} on {quoted} ({self.parts(self.columns(table))}){lock}"
        if pick < 0.82:
            exists = "if exists " if self.mariadb and self.chance(0.3) else ""
            return f"drop index {exists}{self.any(self.indexes(table))} on {quoted}{r.choice(['', '', ' algorithm=inplace lock=none', ' lock=default'])}"
        if pick < 0.86:
            return f"rename table {quoted} to {self.table_name()}"
        if pick < 0.88:
            return f"rename table {quoted} to swap, {self.quoted(r.choice(tables))} to {quoted}, swap to {self.table_name()}"
        if pick < 0.90:
            return r.choice([f"create table {self.table_name()} like {quoted}", f"create table if not exists {self.table_name()} (like {quoted})"])
        if pick < 0.92 and self.mariadb:
            return self.create("create or replace table")
        if pick < 0.93:
            return f"alter {r.choice(['database', 'schema'])} {self.quoted(self.database)} {r.choice(['default charset utf8mb4', 'default character set latin1', 'collate utf8mb4_bin', 'character set = utf8mb4 collate = utf8mb4_general_ci', 'collate utf8mb3_bin'])}"
        if pick < 0.95:
            return r.choice([f"truncate table {quoted}", f"truncate {quoted}"])
        if pick < 0.97 and len(tables) > 1:
            return f"drop table {quoted}, {self.quoted(r.choice(tables))}"
        return f"drop table {r.choice(['', 'if exists '])}{quoted}{r.choice(['', ' restrict', ' cascade'])}"
