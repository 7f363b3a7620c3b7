"""The value matrix: column types and their values, written once as tables that a task migrates and then replicates.

A Kind is a column type with values, as SQL expressions that both MySQL and MariaDB understand. All kinds of a family share a
table with a primary key, one column each (`w_<family>`); every kind also has a small table without a key (`n_<kind>`), in
which rows can only be found by their values. A cell is one value of one kind that passed through one way: full or live;
INSERT, UPDATE or DELETE; with or without key.
"""
import itertools
import json
import re

# Servers by kind, as tests name them, and what they have.
MARIADB = {"mariadb", "mariadb11"}
MYSQL = {"mysql9", "mysql56"}
TIDB = {"tidb"}
ALL = MARIADB | MYSQL | TIDB
NAMES = {"mariadb": "MariaDB 10.11", "mariadb11": "MariaDB 11.8", "mysql9": "MySQL 9", "mysql56": "MySQL 5.6", "tidb": "TiDB 8.1"}


class Kind:
    """`on` are the servers that have the type, `by` those that can write the values (default: the same); `show` is how a
    value is compared ({} is the column); `down` the type of a table made by hand where the downstream lacks the type; `text`
    says that characters are compared, not bytes, where the downstream keeps them in another character set, which is `charset`
    upstream; `value(shown)` is what is compared if the downstream is TiDB, which writes some numbers in other words."""

    def __init__(self, name, ddl, values, family, on=None, show="HEX({})", down=None, keyless=True, page=None, by=None, text=False, charset=None, value=None):
        self.name, self.ddl, self.values, self.family, self.charset, self.value = name, ddl, values, family, charset, value
        self.on, self.text = on or ALL, text
        self.by = by or self.on
        self.show, self.down, self.keyless = show, down or {}, keyless
        self.page = page or name  # row of docs/compatibility.md

    def drop_what_is_no_character(self, read):
        """From the values, all of them x'..', the bytes that no character is; `read(sql)` answers the upstream's rows."""
        def characters(texts):
            shown = ", ".join(f"CONVERT(CONVERT({text} USING {self.charset}) USING utf8mb4)" for text in texts)
            return [text for text, found in zip(texts, read(f"SELECT {shown}")[0])
                    if found is not None and "\ufffd" not in found and ("?" not in found or text == "x'3f'")]

        if self.family == "text_single":
            known = {text[2:-1] for text in characters([f"x'{byte:02x}'" for byte in range(256)])}
            self.values = [f"x'{''.join(byte for byte in re.findall('..', value[2:-1].lower()) if byte in known)}'" for value in self.values]
        else:
            self.values = characters(self.values)

    def exists_on(self, server):
        return server in self.on

    def shown(self, downstream):
        # TiDB keeps text of every character set as UTF-8.
        if self.text and (downstream in TIDB or not self.exists_on(downstream)):
            return "HEX(CONVERT({} USING utf8mb4))"
        return self.show


def _integers():
    for name, bits in (("tinyint", 8), ("smallint", 16), ("mediumint", 24), ("int", 32), ("bigint", 64)):
        half = 1 << (bits - 1)
        yield Kind(name, name.upper(), [-half, half - 1, 0, -1, 1], "number", page="integers")
        yield Kind(f"{name}_u", f"{name.upper()} UNSIGNED", [0, 2 * half - 1, half, half - 1, 1], "number", page="integers, UNSIGNED")
    yield Kind("int_zf", "INT(7) ZEROFILL", [0, 42, 4294967295], "number", page="integers, UNSIGNED")
    yield Kind("bool", "BOOLEAN", [0, 1, -128], "number", page="integers")


_EXACT = "CONCAT({}*1e0)"


def _numbers():
    yield from _integers()
    big, fraction = "9" * 35, "9" * 30
    yield Kind("decimal_65_30", "DECIMAL(65,30)", [f"{big}.{fraction}", f"-{big}.{fraction}", "0", f"-0.{'0' * 29}1",
                                                   "123.456"], "number", show="CONCAT({})", page="DECIMAL")
    yield Kind("decimal_5_5", "DECIMAL(5,5)", ["0.00001", "-0.99999", "0", "0.12345"], "number", show="CONCAT({})", page="DECIMAL")
    yield Kind("decimal_65_0", "DECIMAL(65,0)", ["9" * 65, "-" + "9" * 65, "0", "123456789"], "number", show="CONCAT({})", page="DECIMAL")
    yield Kind("decimal_u", "DECIMAL(10,2) UNSIGNED", ["99999999.99", "0", "0.01"], "number", show="CONCAT({})", page="DECIMAL")
    # Compared as the DOUBLE that a FLOAT is: its text has six digits only.
    yield Kind("float", "FLOAT", ["1.1", "16777217", "3.4028234e38", "-3.4028234e38", "1.17549435e-38", "1e-45", "0",
                                  "0.333333333", "1234.567"], "number", show=_EXACT, page="FLOAT", value=float)
    yield Kind("float_u", "FLOAT UNSIGNED", ["1.1", "3.4028234e38", "0"], "number", show=_EXACT, page="FLOAT", value=float)
    yield Kind("float_7_3", "FLOAT(7,3)", ["1234.567", "-0.001", "0"], "number", show=_EXACT, page="FLOAT(m,d)", value=float)
    yield Kind("double", "DOUBLE", ["0.1", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308",
                                    "5e-324", "0", "-0e0", "123456789012345680", "1e15", "1e16", "1.5"], "number",
               show="{}", page="DOUBLE")
    yield Kind("double_10_4", "DOUBLE(10,4)", ["123456.7891", "-0.0001", "0"], "number", show="CONCAT({})", page="DOUBLE(m,d)", value=float)
    for bits in (1, 9, 33, 64):
        yield Kind(f"bit_{bits}", f"BIT({bits})", [(1 << bits) - 1, 1 << (bits - 1), 0, 1], "number",
                   show="HEX({}+0)", page="BIT")


def _temporal():
    yield Kind("date", "DATE", ["'0000-00-00'", "'2020-00-15'", "'2020-01-00'", "'1000-01-01'", "'9999-12-31'",
                                "'0000-01-01'", "'2024-02-29'", "'2023-02-31'"], "temporal", page="DATE, zero, partial and invalid dates")
    yield Kind("year", "YEAR", ["0", "1901", "2155", "2000", "'0000'"], "temporal", page="YEAR")
    for fsp in (0, 1, 2, 3, 4, 5, 6):
        suffix = f"({fsp})" if fsp else ""
        part = "." + "123456"[:fsp] if fsp else ""
        most = "." + "999999"[:fsp] if fsp else ""
        least = "." + "000001"[6 - fsp:] if fsp else ""
        yield Kind(f"datetime_{fsp}", f"DATETIME{suffix}", [f"'1000-01-01 00:00:00{part}'", f"'9999-12-31 23:59:59{most}'",
                   "'0000-00-00 00:00:00'", f"'2024-00-00 01:02:03{part}'", f"'2024-06-30 12:00:00{least}'"], "temporal",
                   page="DATETIME(0..6)")
        yield Kind(f"time_{fsp}", f"TIME{suffix}", [f"'-838:59:58{most}'", f"'838:59:58{most}'", "'00:00:00'",
                   f"'-00:00:00{least or '.000000'}'", f"'-16:08:04{part}'", f"'-00:00:01{part}'", f"'12:34:56{part}'"], "temporal",
                   page="TIME(0..6), negative")
        # Both sides of the hours that clocks skip or repeat in Europe/Berlin and America/New_York.
        yield Kind(f"timestamp_{fsp}", f"TIMESTAMP{suffix} NULL", [f"'1970-01-01 00:00:01{part}'", f"'2038-01-19 03:14:07{most}'",
                   "'0000-00-00 00:00:00'", f"FROM_UNIXTIME(1729989000{part})", f"FROM_UNIXTIME(1729992600{part})",
                   "FROM_UNIXTIME(1711846800)", "FROM_UNIXTIME(1711846799)", "FROM_UNIXTIME(1730611800)",
                   "FROM_UNIXTIME(1730615400)"], "temporal", show="CONCAT(UNIX_TIMESTAMP({}), '/', {})", page="TIMESTAMP(0..6), skipped and repeated hours",
                   value=lambda shown: (float(shown.split("/")[0]), shown.split("/")[1]))


# Bytes of every character set: plain text with all that SQL escapes, blanks at the end, and what is special in the set.
def _hex(*texts, encoding):
    return [f"x'{text.encode(encoding).hex()}'" for text in texts]


_PLAIN = ["a'b\"c\\d", "%_\\%\\_", "tab\tnl\ncr\r\x1a\x00end", "blank ", ""]
_ALL_BYTES = [f"x'{bytes(range(first, first + 51)).hex()}'" for first in (1, 52, 103, 154, 205)]


def _charsets():
    def of(name, encoding, more, on=None, multi=None):
        values = _hex(*_PLAIN, encoding=encoding) + more
        on = (on or MARIADB | MYSQL) | (TIDB if name in ("latin1", "gbk", "utf8mb3", "utf8mb4") else set())
        page = f"text in {name}"
        # A server without the character set gets a table in utf8mb4.
        def down(ddl):
            return {server: f"{ddl} CHARACTER SET utf8mb4" for server in ALL - on}
        for kind, ddl in (("char", "CHAR(30)"), ("varchar", "VARCHAR(120)"), ("text", "TEXT")):
            # CHAR(n) loses blanks at its end already upstream.
            yield Kind(f"{kind}_{name}", f"{ddl} CHARACTER SET {name}", [v for v in values if kind != "char" or len(v) < 60],
                       f"text_{name}", on, down=down(ddl), keyless=kind == "varchar", page=page, text=True, charset=name)
        members = multi or "'a','b b','it''s','\\\\'"
        yield Kind(f"enum_{name}", f"ENUM({members}) CHARACTER SET {name}", ["1", "2", "3", "4", "''"], f"text_{name}", on,
                   "CONCAT({}+0, HEX(CONVERT({} USING utf8mb4)))", down(f"ENUM({members})"), keyless=False, page="ENUM, SET")
        yield Kind(f"set_{name}", f"SET({members}) CHARACTER SET {name}", ["1", "2", "15", "0"], f"text_{name}", on,
                   "CONCAT({}+0, HEX(CONVERT({} USING utf8mb4)))", down(f"SET({members})"), keyless=False, page="ENUM, SET",
                   # MySQL 5.6 itself shows the members of a SET of wide characters wrongly.
                   by=on - {"mysql56"} if encoding.startswith("utf-") else None)

    yield from of("latin1", "latin1", _ALL_BYTES, multi="'a','b b','ö','é'")
    yield from of("gbk", "gbk", ["x'815C'", "x'BF5C27'", "x'D2BBB6FEC8FD'", "x'FEFE'", "x'A2A1'", "x'A6D9A989'"], multi="'a','b b','一','中文'")
    yield from of("gb2312", "gb2312", ["x'D2BBB6FEC8FD'", "x'A1AA'", "x'A1A4'"])
    yield from of("gb18030", "gb18030", ["x'D2BBB6FEC8FD'", "x'9439DA33'", "x'A989'", "x'FE59'", "x'815C'"], on={"mysql9"})
    yield from of("big5", "big5", ["x'A440A4E9'", "x'A55CB35C'", "x'A145A14E'", "x'A1C3A1C5'", "x'A2CCA451'", "x'C87E'"])
    yield from of("sjis", "cp932", ["x'835C5C'", "x'815F'", "x'A6DF'", "x'889F'", "x'8160'", "x'817C'"])
    yield from of("cp932", "cp932", ["x'835C5C'", "x'8740'", "x'ED40EEFC'", "x'FA40FC4B'", "x'81CA'", "x'8790'", "x'F040'"])
    yield from of("euckr", "euc_kr", ["x'B0A1C8FE'", "x'8141'", "x'A1AD'", "x'A2E6'"])
    yield from of("ujis", "euc_jp", ["x'B0A1'", "x'8FA2B7'", "x'8EB1'", "x'A1C0'", "x'A1C1'"])
    yield from of("utf8mb3", "utf8", _hex("ñ€中", "\u0301e\u200b\ufeff\uffff", encoding="utf8"), multi="'a','b b','ö','€'")
    yield from of("utf8mb4", "utf8", _hex("ñ€中😀", "👩‍👩‍👧 \U0010ffff", "\u00a0\ue000", encoding="utf8"), multi="'a','b b','ö','€'")
    yield from of("utf16", "utf-16-be", _hex("ñ€中😀", "\U0010ffff", encoding="utf-16-be"))
    yield from of("utf16le", "utf-16-le", _hex("ñ€中😀", "\U0010ffff", encoding="utf-16-le"))
    yield from of("ucs2", "utf-16-be", _hex("ñ€中", "\uffff", encoding="utf-16-be"))
    yield from of("utf32", "utf-32-be", _hex("ñ€中😀", "\U0010ffff", encoding="utf-32-be"))
    for name in ("latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "greek", "hebrew", "koi8r", "koi8u",
                 "macroman", "tis620", "armscii8", "geostd8", "hp8", "dec8", "keybcs2", "macce", "swe7", "ascii"):
        upper = ["x'5B5C5D7B7C7D7E'"] if name in ("swe7", "ascii") else _ALL_BYTES
        yield Kind(f"varchar_{name}", f"VARCHAR(120) CHARACTER SET {name}", upper, "text_single", ALL if name == "ascii" else MARIADB | MYSQL,
                   down={"tidb": "VARCHAR(120) CHARACTER SET utf8mb4"}, page="text in the other character sets of one byte", text=True, charset=name)


def _binary():
    values = ["x''", "x'00'", "x'BF500C00A2034521B819D6EB7065D200'", "x'27225C0A0D1A00'", "x'FF'", "x'2020'"] + [v for v in _ALL_BYTES]
    yield Kind("binary_16", "BINARY(16)", values[:6], "bytes", page="BINARY, VARBINARY, BLOB")
    yield Kind("binary_255", "BINARY(255)", values, "bytes", keyless=False, page="BINARY, VARBINARY, BLOB")
    for name, ddl in (("varbinary", "VARBINARY(300)"), ("tinyblob", "TINYBLOB"), ("blob", "BLOB"), ("mediumblob", "MEDIUMBLOB"),
                      ("longblob", "LONGBLOB")):
        yield Kind(name, ddl, values, "bytes", page="BINARY, VARBINARY, BLOB")
    yield Kind("varchar_binary", "VARCHAR(100) CHARACTER SET binary", values[:6], "bytes", page="BINARY, VARBINARY, BLOB")
    # More than 255 bytes behind a length of one or two bytes.
    yield Kind("char_long", "CHAR(255) CHARACTER SET utf8mb4", ["REPEAT('😀', 255)", "REPEAT('x', 64)", "''"], "long", page="text in utf8mb4")
    yield Kind("varchar_long", "VARCHAR(5000) CHARACTER SET utf8mb4", ["REPEAT('ä', 5000)", "''", "REPEAT('x', 255)", "REPEAT('x', 256)"], "long", page="text in utf8mb4")
    for name, ddl, size in (("tinytext", "TINYTEXT", 255), ("mediumtext", "MEDIUMTEXT", 70000), ("longtext", "LONGTEXT", 70000)):
        yield Kind(name, f"{ddl} CHARACTER SET utf8mb4", [f"REPEAT('y', {size})", "''", "'€'"], "long", page="text in utf8mb4")


def _enums():
    many = ",".join(f"'m{i}'" for i in range(1, 301))
    yield Kind("enum_300", f"ENUM({many})", ["1", "255", "256", "257", "300", "''"], "enum", show="CONCAT({}+0, {})", page="ENUM, SET")
    yield Kind("enum_digits", "ENUM('0','1','2','10')", ["1", "2", "3", "4", "''"], "enum", show="CONCAT({}+0, {})", page="ENUM, SET")
    for size in (1, 8, 9, 17, 18, 33, 64):
        members = ",".join(f"'s{i}'" for i in range(1, size + 1))
        yield Kind(f"set_{size}", f"SET({members})", [str((1 << size) - 1), str(1 << (size - 1)), "1", "0", "''"], "enum",
                   # (TiDB: the number of the last of 64 is too large.)
                   show="CONCAT(CAST({}+0 AS SIGNED), {})" if size < 64 else "CONCAT('', {})", page="ENUM, SET")


def _json_texts():
    yield from ["null", "true", "false", "0", "-1", "1.0", "-0.0", "1e20", "1e-7", "0.30000000000000004", "123456789012345680.0", "1e15",
                "100000000000000.0", "1e16", "1e-15", "5e-324", "1.7976931348623157e308", "9223372036854775807", "-9223372036854775808",
                "18446744073709551615", "18446744073709551616", "32767", "32768", "65535", "65536", "2147483648", '""', '"a"', "[]", "{}",
                '{"b":1,"a":2,"aa":3,"":4}', '{"k":[1,2.50,"x",null,true,{"n":[]}]}', '"q\\"b\\\\s\\/n\\nt\\tu\\u0001\\u001f e\\u00e9😀\\u2028"',
                '{"ключ":"значение","키":"값"}']
    yield "[" * 30 + "1" + "]" * 30


def _json():
    def quote(text):
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    texts = [quote(text) for text in _json_texts()]
    characters = "HEX(CAST({} AS CHAR CHARACTER SET utf8mb4))"
    def number(digits):
        # TiDB shows a DOUBLE that is whole without an exponent.
        return int(digits) if len(digits) < 20 or int(digits) < 1 << 64 else float(digits)
    def value(shown):
        return json.loads(bytes.fromhex(shown), parse_int=number)
    large = ["CONCAT('{\"big\":\"', REPEAT('x', 70000), '\"}')", "CONCAT('[', REPEAT('1234567,', 9000), '0]')",
             "CONCAT('{\"a\":', CONCAT('[', REPEAT('\"abcdefgh\",', 8000), '0]'), ',\"b\":{\"c\":70000,\"d\":-70000,\"e\":1.5}}')"]
    yield Kind("json", "JSON", texts + large, "json", MARIADB | TIDB | {"mysql9"}, show=characters, page="JSON", value=value)
    # MariaDB takes 32 levels.
    deep = [quote("[" * 99 + "1" + "]" * 99), quote('{"a":' * 50 + "[]" + "}" * 50)]
    yield Kind("json_deep", "JSON", deep, "json_deep", TIDB | {"mysql9"}, show=characters, value=value,
               down={s: "LONGTEXT CHARACTER SET utf8mb4" for s in MARIADB}, page="JSON of more than 32 levels")
    typed = ["JSON_OBJECT('d', CAST('2024-01-15' AS DATE), 't', CAST('00:00:00' AS TIME), 'n', CAST('-12:34:56.789' AS TIME(3)))",
             "JSON_ARRAY(CAST('2024-01-15 01:02:03.4' AS DATETIME(6)), CAST('9999-12-31' AS DATE))",
             "JSON_OBJECT('b', CAST(x'00ff' AS BINARY), 'l', REPEAT(CAST(x'0102' AS BINARY), 100))", "JSON_ARRAY(b'101')"]
    yield Kind("json_typed", "JSON", typed, "json", MARIADB | TIDB | {"mysql9"}, show=characters, value=value,
               by={"mysql9"}, page="JSON with DATE, TIME, DATETIME and bytes inside")


def _others():
    points = ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(-179.5 89.25)')"]
    shapes = points + ["ST_GeomFromText('LINESTRING(0 0,1 1,2 3.5)')", "ST_GeomFromText('POLYGON((0 0,0 5,5 5,5 0,0 0),(1 1,1 2,2 2,2 1,1 1))')",
                       "ST_GeomFromText('MULTIPOINT(1 1,2 2)')", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,9 9))')"]
    blob = dict.fromkeys(TIDB, "LONGBLOB")
    yield Kind("point", "POINT", points, "geometry", MARIADB | {"mysql9"}, page="GEOMETRY", down=blob)
    yield Kind("geometry", "GEOMETRY", shapes, "geometry", MARIADB | {"mysql9"}, page="GEOMETRY", down=blob)
    yield Kind("geometry_srid", "GEOMETRY", ["ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('LINESTRING(10 20,30 40)', 4326)"], "geometry",
               MARIADB | {"mysql9"}, page="GEOMETRY", down=blob)
    yield Kind("vector", "VECTOR(3)", ["TO_VECTOR('[1,2.5,-3]')", "TO_VECTOR('[0,0,0]')", "TO_VECTOR('[3.4028234e38,-0.5,0.1]')", "TO_VECTOR('[1]')"],
               "vector", {"mysql9"}, down=dict.fromkeys(ALL - {"mysql9"}, "VARBINARY(64)"), page="VECTOR")
    # MariaDB's have all their numbers.
    yield Kind("vector_mariadb", "VECTOR(3)", ["VEC_FromText('[1,2.5,-3]')", "VEC_FromText('[0,0,0]')", "VEC_FromText('[3.4028234e38,-0.5,0.1]')", "VEC_FromText('[1,1,1]')"],
               "vector", {"mysql9", "mariadb11"}, by={"mariadb11"}, down=dict.fromkeys(ALL - {"mysql9", "mariadb11"}, "VARBINARY(64)"), page="VECTOR")
    yield Kind("vector_long", "VECTOR(300)", ["VEC_FromText(CONCAT('[0.25', REPEAT(',1.5', 299), ']'))", "VEC_FromText(CONCAT('[-2', REPEAT(',0', 299), ']'))"],
               "vector", {"mysql9", "mariadb11"}, by={"mariadb11"}, down=dict.fromkeys(ALL - {"mysql9", "mariadb11"}, "VARBINARY(1200)"), page="VECTOR")
    yield Kind("inet6", "INET6", ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.1'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'", "'fe80::'"],
               "inet", MARIADB, down=dict.fromkeys(MYSQL | TIDB, "VARCHAR(45)"), page="INET6", show="HEX(CAST({} AS CHAR))")
    yield Kind("inet4", "INET4", ["'0.0.0.0'", "'255.255.255.255'", "'192.0.2.1'", "'10.0.0.0'"], "inet", MARIADB,
               down=dict.fromkeys(MYSQL | TIDB, "VARCHAR(15)"), page="INET4", show="HEX(CAST({} AS CHAR))")
    yield Kind("uuid", "UUID", ["'00112233-4455-6677-8899-aabbccddeeff'", "'3e11fa47-71ca-11e1-9e33-c80aa9429562'", "'00000000-0000-0000-0000-000000000000'",
                                "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'018f2f9e-4c00-7000-8000-000000000000'"], "inet", MARIADB,
               down=dict.fromkeys(MYSQL | TIDB, "CHAR(36)"), page="UUID", show="HEX(CAST({} AS CHAR))")
    for name, ddl, values in (("varchar", "VARCHAR(3000) COMPRESSED", ["'short'", "REPEAT('long ', 500)", "''"]),
                              ("blob", "BLOB COMPRESSED", ["x'00ff'", "REPEAT(x'0102', 2000)", "''"]),
                              ("text", "TEXT COMPRESSED CHARACTER SET latin1", ["x'e9e8'", "REPEAT(x'e9', 2000)", "''"])):
        yield Kind(f"{name}_compressed", ddl, values, "compressed", by=MARIADB, page="COMPRESSED columns", text=name == "text")


def all_kinds():
    return list(itertools.chain(_numbers(), _temporal(), _charsets(), _binary(), _enums(), _json(), _others()))


class Matrix:
    """The kinds that the upstream of a pair has, as statements."""

    LIVE = 1000  # ids of rows inserted while the task runs

    def __init__(self, upstream, downstream, only=None, read_up=None):
        self.kinds = [kind for kind in all_kinds() if upstream in kind.by and (not only or kind.name in only)]
        # Without the type and without a substitute the task cannot have the column.
        self.missing = [k for k in self.kinds if not k.exists_on(downstream) and downstream not in k.down]
        self.kinds = [k for k in self.kinds if k not in self.missing]
        self.downstream = downstream
        if downstream in TIDB:
            for kind in self.kinds:
                if kind.charset:
                    kind.drop_what_is_no_character(read_up)
        self.keyless = {k.name for k in self.kinds if k.keyless}
        self.families = {}
        for kind in self.kinds:
            self.families.setdefault(kind.family, []).append(kind)
        self.cells = 0

    @staticmethod
    def _value(kind, index):
        """The index-th value, NULL being one of them."""
        index %= len(kind.values) + 1
        return "NULL" if index == len(kind.values) else str(kind.values[index])

    @staticmethod
    def _rows(kinds):
        return max(len(kind.values) for kind in kinds) + 1

    def _tables(self, by_hand):
        for family, kinds in self.families.items():
            if by_hand and all(k.exists_on(self.downstream) for k in kinds):
                continue
            ddl = [k.down[self.downstream] if by_hand and not k.exists_on(self.downstream) else k.ddl for k in kinds]
            columns = ", ".join(f"`{k.name}` {d} {'' if 'NULL' in d else 'NULL'}" for k, d in zip(kinds, ddl))
            yield f"CREATE TABLE w_{family} (id INT PRIMARY KEY, {columns}) DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC"
            for kind, text in zip(kinds, ddl):
                if kind.name in self.keyless:
                    yield f"CREATE TABLE n_{kind.name} (v {text} {'' if 'NULL' in text else 'NULL'}, n INT) DEFAULT CHARSET=utf8mb4"

    def create(self):
        return list(self._tables(False))

    def create_by_hand(self):
        """Downstream tables of types that the downstream lacks."""
        return list(self._tables(True))

    def _insert(self, offset):
        for family, kinds in self.families.items():
            rows = ", ".join(f"({offset + i}, " + ", ".join(self._value(k, i) for k in kinds) + ")" for i in range(self._rows(kinds)))
            yield f"INSERT INTO w_{family} VALUES {rows}"
            self.cells += self._rows(kinds) * len(kinds)
        for kind in self.kinds:
            if kind.name in self.keyless:
                rows = ", ".join(f"({self._value(kind, i)}, {offset + n})" for i in range(len(kind.values) + 1) for n in (1, 2, 3))
                yield f"INSERT INTO n_{kind.name} VALUES {rows}"
                self.cells += 3 * (len(kind.values) + 1)

    def full(self):
        return list(self._insert(0))

    def live(self):
        yield from self._insert(self.LIVE)
        # Every value becomes the next one, in rows that were loaded and in rows that were replicated.
        for family, kinds in self.families.items():
            rows = self._rows(kinds)
            for offset in (0, self.LIVE):
                for i in range(rows):
                    if i % 4 == 3:
                        continue
                    sets = ", ".join(f"`{k.name}` = {self._value(k, i + 1)}" for k in kinds)
                    yield f"UPDATE w_{family} SET {sets} WHERE id = {offset + i}"
                    self.cells += len(kinds)
                yield f"DELETE FROM w_{family} WHERE id % 4 = 3 AND id BETWEEN {offset} AND {offset + rows} ORDER BY id LIMIT {rows // 8 + 1}"
                self.cells += (rows // 8 + 1) * len(kinds)
        for kind in self.kinds:
            if kind.name not in self.keyless:
                continue
            count = len(kind.values) + 1
            for offset in (0, self.LIVE):
                yield f"UPDATE n_{kind.name} SET n = n + 100 WHERE n = {offset + 1}"
                yield f"DELETE FROM n_{kind.name} WHERE n = {offset + 2}"
                yield f"UPDATE n_{kind.name} SET v = {self._value(kind, 1)}, n = n + 200 WHERE n = {offset + 3}"
                self.cells += 3 * count

    def _values(self, kinds, rows, first):
        """Rows as they are compared; the kinds' columns begin at `first`."""
        if self.downstream not in TIDB:
            return rows
        return [tuple(kinds[i - first].value(shown) if 0 <= i - first < len(kinds) and kinds[i - first].value and shown is not None else shown
                      for i, shown in enumerate(row)) for row in rows]

    def compare(self, read_up, read_down):
        """Differences by kind: {name: text}. `read_*(sql)` answers rows."""
        found = {}
        for family, kinds in self.families.items():
            shown = ", ".join(k.shown(self.downstream).replace("{}", f"`{k.name}`") for k in kinds)
            sql = f"SELECT id, {shown} FROM w_{family} ORDER BY id"
            up, down = self._values(kinds, read_up(sql), 1), self._values(kinds, read_down(sql), 1)
            if [row[0] for row in up] != [row[0] for row in down]:
                for kind in kinds:
                    found[kind.name] = f"w_{family}: ids {[r[0] for r in up]} upstream, {[r[0] for r in down]} downstream"
                continue
            for a, b in zip(up, down):
                for kind, x, y in zip(kinds, a[1:], b[1:]):
                    if x != y:
                        found.setdefault(kind.name, f"w_{family} id {a[0]}: {_short(x)} upstream, {_short(y)} downstream")
        for kind in self.kinds:
            if kind.name not in self.keyless:
                continue
            sql = f"SELECT {kind.shown(self.downstream).replace('{}', 'v')} AS c, n FROM n_{kind.name}"
            order = lambda row: (row[1], row[0] is None, str(row[0]))  # noqa: E731
            up, down = (sorted(self._values([kind], read(sql), 0), key=order) for read in (read_up, read_down))
            if up != down:
                only_up, only_down = list(up), []
                for row in down:
                    if row in only_up:
                        only_up.remove(row)
                    else:
                        only_down.append(row)
                if only_up or only_down:  # else only the order of equal values differs
                    found.setdefault(kind.name, f"n_{kind.name}: only upstream {_short(only_up)}; "
                                     f"only downstream {_short(only_down)}")
        return found


def _short(value):
    text = str(value)
    return text if len(text) < 300 else f"{text[:300]}... ({len(text)})"
