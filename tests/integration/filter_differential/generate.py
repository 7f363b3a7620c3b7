"""Random expressions and rows for the comparison of expression filters with servers."""
import random

COLUMNS = {
    "i": "INT", "u": "INT UNSIGNED", "b": "BIGINT", "ub": "BIGINT UNSIGNED", "ti": "TINYINT", "si": "SMALLINT UNSIGNED",
    "y": "YEAR", "bt": "BIT(10)", "de": "DECIMAL(12,3)", "dd": "DECIMAL(30,10)", "dz": "DECIMAL(8,0)", "f": "FLOAT", "d": "DOUBLE",
    "vc": "VARCHAR(40) COLLATE utf8mb4_general_ci", "vu": "VARCHAR(40) COLLATE utf8mb4_unicode_ci",
    "vb": "VARCHAR(40) COLLATE utf8mb4_bin", "vd": "VARCHAR(40)", "la": "VARCHAR(40) CHARACTER SET latin1",
    "ch": "CHAR(12) COLLATE utf8mb4_general_ci", "tx": "TEXT COLLATE utf8mb4_unicode_520_ci", "bi": "VARBINARY(40)", "bl": "BLOB",
    "en": "ENUM('red','Green','blÜe') COLLATE utf8mb4_general_ci", "st": "SET('a','b','c') COLLATE utf8mb4_bin",
    "da": "DATE", "dt": "DATETIME", "d6": "DATETIME(6)", "ts": "TIMESTAMP NULL", "tm": "TIME", "t3": "TIME(3)",
}
INTS = ["i", "u", "b", "ub", "ti", "si"]
EXACT = ["de", "dd", "dz"]
REALS = ["f", "d"]
TEXTS = ["vc", "vu", "vb", "vd", "ch", "tx"]
WORDS = ["", "a", "A", "abc", "ABC", "aBc", "abc ", " abc", "abd", "ab_c", "a%c", "10", "10abc", "-3", "2.5", "1e2", "0", "Müller", "MÜLLER",
         "muller", "straße", "STRASSE", "é", "E", "ñandú", "Ж", "ж", "Ω", "ω", "日本", "z", "a-b", "a b", "x\ty", "O'Hara", "back\\\\slash",
         "ÿ", "ø", "o", "foo.bar.baz", "red", "green", "a,b", "b"]
DATES = ["2020-01-01", "2019-12-31", "2020-02-29", "2021-03-31", "1999-07-15", "2024-10-27", "1970-01-02", "9999-12-31"]
TIMES = ["00:00:00", "10:11:12", "23:59:59", "03:04:05", "12:00:00"]


def quote(text):
    return "'" + text.replace("'", "''") + "'"


class Rows:
    def __init__(self, rng):
        self.rng = rng

    def value(self, column):
        rng = self.rng
        if rng.random() < 0.12:
            return "NULL"
        kind = COLUMNS[column].split("(")[0].split(" ")[0]
        small = rng.choice([0, 1, 2, 3, 5, 7, 10, 100])
        if column in ("i", "b", "ti"):
            edge = {"i": 2147483647, "b": 9223372036854775807, "ti": 127}[column]
            return str(rng.choice([small, -small, small, edge, -edge - 1, rng.randint(-100, 100)]))
        if column in ("u", "ub", "si"):
            edge = {"u": 4294967295, "ub": 18446744073709551615, "si": 65535}[column]
            return str(rng.choice([small, small, edge, rng.randint(0, 100)]))
        if kind == "YEAR":
            return str(rng.choice([0, 1901, 1999, 2000, 2020, 2155]))
        if kind == "BIT":
            return f"b'{rng.randint(0, 1023):b}'"
        if kind == "DECIMAL":
            scale = {"de": 3, "dd": 10, "dz": 0}[column]
            return str(round(rng.choice([0, 1, -1, small, rng.uniform(-1000, 1000), 0.5, -2.5, 1.005]), scale))
        if kind in ("FLOAT", "DOUBLE"):
            return str(rng.choice([0, 1, -1, small, 0.1, 0.5, -2.5, 1e10, -1e-3, rng.randint(-1000, 1000) / 8]))
        if column == "en":
            return rng.choice(["'red'", "'Green'", "'blÜe'"])
        if column == "st":
            return rng.choice(["''", "'a'", "'a,b'", "'b,c'", "'a,b,c'"])
        if column == "la":
            return quote(rng.choice([w for w in WORDS if all(ord(c) < 256 for c in w)]))
        if column == "ch":
            return quote(rng.choice([w for w in WORDS if len(w) <= 12]))
        if column in ("bi", "bl"):
            return rng.choice([quote(rng.choice(WORDS)), "x'00ff41'", "x'61'"])
        if column in ("da", "dt") and rng.random() < 0.1:
            return "'0000-00-00'"
        if column == "da":
            return quote(rng.choice(DATES))
        if column in ("dt", "d6", "ts"):
            day = rng.choice([d for d in DATES if column != "ts" or d < "2030"])
            return quote(day + " " + rng.choice(TIMES) + (rng.choice(["", ".5", ".123456"]) if column == "d6" else ""))
        return quote(rng.choice(["", "-"]) + rng.choice(TIMES + ["100:00:01"]) + (rng.choice(["", ".25"]) if column == "t3" else ""))

    def insert(self, row):
        values = [str(row)] + [self.value(column) for column in COLUMNS]
        return "INSERT INTO t VALUES (" + ", ".join(values) + ")"


class Expressions:
    """Random expressions; most of them are meant to be accepted."""

    def __init__(self, rng):
        self.rng = rng

    def pick(self, *items):
        return self.rng.choice(items)

    def truth(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.comparison(0)
        kind = rng.randint(0, 11)
        if kind < 4:
            return self.comparison(depth - 1)
        if kind == 4:
            return f"({self.truth(depth - 1)} {self.pick('AND', 'OR', 'XOR', '&&')} {self.truth(depth - 1)})"
        if kind == 5:
            return f"NOT ({self.truth(depth - 1)})"
        if kind == 6:
            return f"({self.any(depth - 1)}) IS {self.pick('', 'NOT ')}NULL"
        if kind == 7:
            return f"({self.truth(depth - 1)}) IS {self.pick('', 'NOT ')}{self.pick('TRUE', 'FALSE', 'UNKNOWN')}"
        if kind == 8:
            return self.between(depth - 1)
        if kind == 9:
            return self.isin(depth - 1)
        if kind == 10:
            return self.like(depth - 1)
        return f"{self.pick('IF', 'if')}({self.truth(depth - 1)}, {self.truth(depth - 1)}, {self.truth(depth - 1)})"

    def any(self, depth):
        return self.pick(self.integer, self.exact, self.real, self.text, self.date, self.truth)(depth)

    def comparison(self, depth):
        op = self.pick("=", "<", ">", "<=", ">=", "<>", "!=", "<=>")
        kind = self.rng.randint(0, 13)
        if kind < 3:
            return f"{self.number(depth)} {op} {self.number(depth)}"
        if kind == 3:
            return f"{self.pick(self.exact, self.integer)(0)} / {self.pick(self.exact, self.integer)(0)} {op} {self.pick(self.exact, self.integer)(0)}"
        if kind < 8:
            return f"{self.text(depth)} {op} {self.text(0)}"
        if kind == 8:
            return f"{self.number(depth)} {op} {quote(self.pick(*WORDS))}"
        if kind < 11:
            return f"{self.date(depth)} {op} {self.pick(self.date_literal(), self.date(depth))}"
        if kind == 11:
            return f"{self.pick('tm', 't3')} {op} {self.pick(quote(self.pick(*TIMES)), 'tm', 't3')}"
        if kind == 12:
            return f"y {op} {self.pick('1999', '2020', '1901', '2155', 'y')}"
        return self.pick(f"bt {op} {self.rng.randint(0, 1023)}", f"bt {op} b'101'", f"i {op} 0x0A", f"bi {op} {quote(self.pick(*WORDS))}",
                         f"en {op} {quote(self.pick('red', 'green', 'BLÜE', 'x'))}", f"st {op} {quote(self.pick('a', 'a,b', ''))}",
                         f"la {op} {quote(self.pick('abc', 'MÜLLER', 'muller', 'ÿ', 'a'))}", f"{self.pick(*TEXTS)} {op} {self.pick(*INTS)}",
                         f"bl {op} x'61'")

    def number(self, depth):
        return self.pick(self.integer, self.integer, self.exact, self.real)(depth)

    def integer(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.pick(self.pick(*INTS), self.pick(*INTS), str(rng.randint(-20, 20)), self.pick("0", "1", "9223372036854775807", "18446744073709551615",
                                                                                   "4294967296", "-1"))
        kind = rng.randint(0, 15)
        if kind < 4:
            return f"({self.integer(depth - 1)} {self.pick('+', '-', '*')} {self.integer(depth - 1)})"
        if kind == 4:
            return f"({self.integer(depth - 1)} {self.pick('DIV', '%', 'MOD')} {self.integer(depth - 1)})"
        if kind == 5:
            return f"({self.integer(depth - 1)} {self.pick('&', '|', '^', '<<', '>>')} {self.integer(depth - 1)})"
        if kind == 6:
            return self.pick(f"-({self.integer(depth - 1)})", f"~({self.integer(depth - 1)})", f"ABS({self.integer(depth - 1)})", f"SIGN({self.number(depth - 1)})")
        if kind == 7:
            return f"{self.pick('LENGTH', 'CHAR_LENGTH')}({self.text(depth - 1)})"
        if kind == 8:
            return f"{self.pick('YEAR', 'MONTH', 'DAY', 'QUARTER', 'DAYOFWEEK', 'WEEKDAY', 'DAYOFYEAR', 'TO_DAYS')}({self.date(depth - 1)})"
        if kind == 9:
            return f"{self.pick('HOUR', 'MINUTE', 'SECOND', 'MICROSECOND')}({self.pick('dt', 'd6', 'tm', 't3', 'ts', 'da')})"
        if kind == 10:
            return self.pick(f"DATEDIFF({self.date(depth - 1)}, {self.date(depth - 1)})",
                             f"TIMESTAMPDIFF({self.pick('SECOND', 'MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR')}, {self.date(0)}, {self.date(0)})",
                             f"EXTRACT({self.pick('YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'QUARTER')} FROM {self.pick('dt', 'd6', 'ts', 'da')})")
        if kind == 11:
            return self.pick(f"CAST({self.pick(self.integer(depth - 1), self.exact(depth - 1), '-99999999999999999999.5', '99999999999999999999')} AS {self.pick('SIGNED', 'UNSIGNED')})",
                             f"FLOOR({self.number(depth - 1)})", f"CEIL({self.number(depth - 1)})", f"ROUND({self.number(depth - 1)})")
        if kind == 12:
            return self.pick(f"LOCATE({quote(self.pick('a', 'B', 'c', 'é', 'ü', ''))}, {self.pick(*TEXTS)})", f"INSTR({self.pick(*TEXTS)}, {quote(self.pick('a', 'LL', 'ß'))})",
                             f"STRCMP({self.pick(*TEXTS)}, {quote(self.pick(*WORDS))})", f"FIND_IN_SET({quote(self.pick('a', 'b', 'B'))}, st)",
                             f"FIELD({self.pick(*TEXTS)}, 'a', 'abc', 'müller')", f"POSITION('b' IN {self.pick(*TEXTS)})")
        if kind == 13:
            return f"CASE WHEN {self.truth(depth - 1)} THEN {self.integer(depth - 1)} ELSE {self.integer(depth - 1)} END"
        if kind == 14:
            return f"{self.pick('IFNULL', 'COALESCE', 'NULLIF')}({self.integer(depth - 1)}, {self.integer(depth - 1)})"
        return f"{self.pick('GREATEST', 'LEAST')}({self.integer(depth - 1)}, {self.integer(depth - 1)})"

    def exact(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.pick(self.pick(*EXACT), self.pick("0.5", "-2.5", "1.005", "100.25", "0.0", "33.3"))
        kind = rng.randint(0, 8)
        if kind < 3:
            return f"({self.exact(depth - 1)} {self.pick('+', '-', '*')} {self.pick(self.exact, self.integer)(0)})"
        if kind == 3:
            return f"({self.pick(self.exact, self.integer)(depth - 1)} / {self.pick(self.exact, self.integer)(0)})"
        if kind == 4:
            return f"({self.exact(depth - 1)} % {self.pick(self.exact, self.integer)(0)})"
        if kind == 5:
            return f"{self.pick('ROUND', 'TRUNCATE')}({self.exact(depth - 1)}, {rng.randint(0, 3)})"
        if kind == 6:
            return f"{self.pick('ABS', '-')}({self.exact(depth - 1)})"
        if kind == 7:
            return f"CAST({self.pick(self.exact, self.integer)(depth - 1)} AS DECIMAL({self.pick('10,2', '20,5', '5,0')}))"
        return f"{self.pick('IFNULL', 'COALESCE')}({self.exact(depth - 1)}, {self.exact(0)})"

    def real(self, depth):
        if depth <= 0:
            return self.pick(self.pick(*REALS), "1e0", "-2.5e-1")
        kind = self.rng.randint(0, 5)
        if kind < 2:
            return f"({self.real(depth - 1)} {self.pick('+', '-', '*', '/', '%')} {self.number(0)})"
        if kind == 2:
            return f"({self.pick(*TEXTS)} {self.pick('+', '-', '*', '%')} {self.integer(0)})"
        if kind == 3:
            return f"{self.pick('ABS', '-', 'FLOOR', 'CEIL')}({self.real(depth - 1)})"
        if kind == 4:
            return f"ROUND({self.real(depth - 1)}, {self.rng.randint(0, 3)})"
        return f"IFNULL({self.real(depth - 1)}, {self.number(0)})"

    def text(self, depth):
        if depth <= 0:
            return self.pick(self.pick(*TEXTS), self.pick(*TEXTS), quote(self.pick(*WORDS)))
        column = self.pick(*TEXTS)
        n, m = self.rng.randint(-3, 6), self.rng.randint(-1, 5)
        return self.pick(
            f"UPPER({column})", f"LOWER({column})", f"LEFT({column}, {m})", f"RIGHT({column}, {m})", f"SUBSTRING({column}, {n}, {m})",
            f"SUBSTR({column}, {n})", f"TRIM({column})", f"LTRIM({column})", f"RTRIM({column})", f"TRIM(BOTH 'a' FROM {column})",
            f"TRIM(LEADING 'ab' FROM {column})", f"REPLACE({column}, 'b', 'xx')", f"REVERSE({column})", f"CONCAT({column}, {quote(self.pick(*WORDS))})",
            f"CONCAT({column}, i, 'x')", f"CONCAT_WS('-', {column}, {column}, 'q')", f"SUBSTRING_INDEX({column}, '.', {n})",
            f"IFNULL({column}, {quote(self.pick(*WORDS))})", f"COALESCE({column}, 'abc')", f"NULLIF({column}, 'abc')",
            f"IF({self.truth(0)}, {column}, 'abc')", f"CASE {column} WHEN 'ABC' THEN 'x' WHEN 'a' THEN {column} END",
            f"CONCAT(de, {column})", f"CONCAT({column}, da)", f"CAST(i AS CHAR)", f"LOWER(la)", f"UPPER(la)",
            f"({column} COLLATE {self.pick('utf8mb4_bin', 'utf8mb4_general_ci', 'utf8mb4_unicode_ci')})", f"GREATEST({column}, 'b')")

    def date_literal(self):
        return self.pick(quote(self.pick(*DATES)), quote(self.pick(*DATES) + " " + self.pick(*TIMES)), f"DATE {quote(self.pick(*DATES))}",
                         f"TIMESTAMP {quote(self.pick(*DATES) + ' ' + self.pick(*TIMES))}")

    def date(self, depth):
        column = self.pick("da", "dt", "d6", "ts")
        if depth <= 0:
            return column
        return self.pick(column, f"DATE({column})", f"LAST_DAY({column})",
                         f"({column} {self.pick('+', '-')} INTERVAL {self.pick('1', '40', 'ti', '-3')} {self.pick('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR', 'HOUR', 'MINUTE', 'SECOND')})",
                         f"DATE_ADD({column}, INTERVAL {self.rng.randint(-5, 50)} DAY)", f"IFNULL({column}, {column})")

    def between(self, depth):
        sign = self.pick("", "NOT ")
        return self.pick(f"{self.integer(depth)} {sign}BETWEEN {self.integer(0)} AND {self.integer(0)}",
                         f"{self.exact(depth)} {sign}BETWEEN {self.number(0)} AND {self.exact(0)}",
                         f"{self.pick(*TEXTS)} {sign}BETWEEN {quote(self.pick(*WORDS))} AND {quote(self.pick(*WORDS))}",
                         f"{self.pick('da', 'dt', 'd6', 'ts')} {sign}BETWEEN {quote(self.pick(*DATES))} AND {quote(self.pick(*DATES) + ' 12:00:00')}",
                         f"tm {sign}BETWEEN {quote(self.pick(*TIMES))} AND {quote(self.pick(*TIMES))}")

    def isin(self, depth):
        sign = self.pick("", "NOT ")
        n = self.rng.randint(1, 4)
        return self.pick(f"{self.integer(depth)} {sign}IN ({', '.join(self.pick(self.integer(0), 'NULL', self.integer(0)) for _ in range(n))})",
                         f"{self.exact(0)} {sign}IN ({', '.join(self.number(0) for _ in range(n))})",
                         f"{self.pick(*TEXTS)} {sign}IN ({', '.join(quote(self.pick(*WORDS)) for _ in range(n))})",
                         f"{self.pick('da', 'dt')} {sign}IN ({', '.join(quote(self.pick(*DATES)) for _ in range(n))})",
                         f"en {sign}IN ('RED', 'x')")

    def like(self, depth):
        pattern = "".join(self.pick("a", "b", "c", "%", "_", "B", "ü", "é", "\\\\%", "\\\\_", "\\%", "\\_", "1", "0", " ") for _ in range(self.rng.randint(0, 4)))
        return self.pick(f"{self.pick(*TEXTS)} {self.pick('', 'NOT ')}LIKE {quote(pattern)}", f"{self.text(depth)} LIKE {quote(pattern)}",
                         f"i LIKE {quote(self.pick('1%', '%0', '-_', '10'))}", f"vb LIKE 'a|%%' ESCAPE '|'", f"la LIKE {quote(self.pick('%ü%', 'M%', 'a_c'))}")


def expressions(seed, count):
    rng = random.Random(seed)
    made = Expressions(rng)
    found = []
    while len(found) < count:
        text = made.truth(rng.randint(1, 3))
        if "\n" not in text and text not in found:
            found.append(text)
    return found


def rows(seed, count):
    rng = random.Random(seed * 7919)
    made = Rows(rng)
    return [made.insert(i + 1) for i in range(count)]
