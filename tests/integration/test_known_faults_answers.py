"""Answers of the downstream that get lost: what was executed is neither lost nor done twice, and the task goes on by itself."""
import itertools
import re

import pytest

from dmtest.proxy import LostAnswer
from dmtest.waiting import wait_for

SCHEMA = "kfc"
TABLES = ["CREATE TABLE k (id INT PRIMARY KEY, v INT, UNIQUE KEY (v))", "CREATE TABLE n (a INT, b VARCHAR(10))"]


def write_rounds(m, rounds, offset=0):
    for i in range(offset, offset + rounds):
        m.write("BEGIN", f"INSERT INTO k VALUES ({i}, {i})", f"INSERT INTO n VALUES ({i}, 'x'), ({i}, 'x')", f"UPDATE k SET v = v + 100000 WHERE id = {i - 1}", "COMMIT",
                f"DELETE FROM n WHERE a = {i - 3} LIMIT 1", f"DELETE FROM k WHERE id = {i - 5}")


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_answers_to_commit_that_are_lost(proxied, pair):
    m = proxied(pair, down=True)
    lost, counter = [], itertools.count()

    def lose(text):
        if "COMMIT" in text and SCHEMA in text and "INSERT" in text and len(lost) < 4 and next(counter) % 3 == 2:
            lost.append(text)
            return LostAnswer()
        return None

    m.replicating(*TABLES)
    m.into.on_statement = lose
    rounds = itertools.count(step=10)

    def four_are_lost():
        write_rounds(m, 10, next(rounds))
        m.synced(90)
        return len(lost) == 4

    wait_for(four_are_lost, lambda: f"four answers are lost, not {len(lost)}", timeout=120, interval=0)
    m.equal()


@pytest.mark.parametrize("pair", ["mariadb-mariadb", "mysql9-mysql9"])
def test_answers_to_definitions_that_are_lost(proxied, pair):
    m = proxied(pair, down=True, source_keys={"checker": {"backoff-max": "1s"}})  # more errors than usual
    # Half of them on each pair.
    statements = {"mariadb-mariadb": ["ALTER TABLE k ADD c INT DEFAULT 3", "CREATE TABLE new (id INT PRIMARY KEY)", "CREATE INDEX i ON k (c)", "RENAME TABLE new TO newer",
                                      "DROP TABLE newer"],
                  "mysql9-mysql9": ["ALTER TABLE k CHANGE v w INT", "TRUNCATE TABLE n", "ALTER TABLE k DROP PRIMARY KEY, ADD PRIMARY KEY (id, w)", "ALTER TABLE n DROP b"]}[pair]
    lost = set()

    def lose(text):
        for statement in statements:
            words = statement.split()
            if re.match(rf"\s*{words[0]} .*`{SCHEMA}`", text) and (words[0], tuple(words[2:])) not in lost and words[-1].strip("()") in text and \
                    all(w.strip("()") in text for w in words[2:] if w.isalpha()):
                lost.add((words[0], tuple(words[2:])))
                return LostAnswer()
        return None

    m.replicating(*TABLES, "INSERT INTO k VALUES (1, 1), (2, 2)", "INSERT INTO n VALUES (1, 'a')")
    m.into.on_statement = lose
    for statement in statements:
        m.write(statement, "INSERT INTO n (a) VALUES (5)")
    m.synced(120)
    m.equal()
    assert len(lost) == len(statements), lost
