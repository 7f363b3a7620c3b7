"""Compares expressions as servers evaluate them with what filter_differential makes of the servers' binlogs."""
import collections
import os
import re
import subprocess

import pymysql

import generate

ZONE = "+03:00"


def truths(cursor, expression, count, where=""):
    cursor.execute(f"SELECT CASE WHEN ({expression}) THEN 'T' WHEN NOT ({expression}) THEN 'F' ELSE 'N' END FROM t {where} ORDER BY id")
    return "".join(row[0] for row in cursor.fetchall())


def expected(cursor, expression, count):
    """A letter for each row; E where the server answers with an error. None: not even a statement."""
    try:
        return truths(cursor, expression, count)
    except pymysql.err.ProgrammingError as e:
        return f"!{e}"
    except pymysql.err.Error:
        pass
    letters = ""
    for row in range(1, count + 1):
        try:
            letters += truths(cursor, expression, count, f"WHERE id = {row}")
        except pymysql.err.Error:
            letters += "E"
    return letters


def same(wanted, answer):
    """Letter by letter. Where one side has an error, which keeps the row, the other may have anything that keeps it too: servers
    do not evaluate what cannot matter."""
    return len(wanted) == len(answer) and all(
        w == a or ("E" in (w, a) and "T" not in (w, a)) for w, a in zip(wanted, answer))


def compare(server, directory, binary, expressions, rows, show):
    server.run("DROP DATABASE IF EXISTS evaluated", "CREATE DATABASE evaluated CHARACTER SET utf8mb4")
    with server.connect(database="evaluated") as connection:
        cursor = connection.cursor()
        names = "utf8mb4_general_ci" if server.flavor == "mariadb" else "utf8mb4_0900_ai_ci"
        cursor.execute(f"SET sql_mode = '', time_zone = '{ZONE}', NAMES utf8mb4 COLLATE {names}")
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY, " + ", ".join(f"`{c}` {t}" for c, t in generate.COLUMNS.items()) + ")")
        cursor.execute("FLUSH BINARY LOGS")
        for insert in rows:
            cursor.execute(insert)
        cursor.execute("SHOW CREATE TABLE t")
        definition = cursor.fetchone()[1]
        cursor.execute("SELECT column_name, collation_name FROM information_schema.columns WHERE table_schema = 'evaluated' "
                       "AND collation_name IS NOT NULL")
        collations = "".join(f"{c} {o}\n" for c, o in cursor.fetchall())
        cursor.execute("SHOW BINARY LOGS")
        log = os.path.join(server.data(), cursor.fetchall()[-1][0])
        files = {}
        for name, text in (("definition", definition), ("collations", collations), ("expressions", "\n".join(expressions) + "\n")):
            files[name] = os.path.join(directory, name)
            with open(files[name], "w", encoding="utf-8") as f:
                f.write(text)
        done = subprocess.run([binary, log, "t", files["definition"], files["collations"], files["expressions"], server.flavor, ZONE],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        ours = done.stdout.split("\n")[:-1]
        assert len(ours) == len(expressions), f"{len(ours)} answers for {len(expressions)} expressions"
        refused, differ, reasons, compared = [], [], collections.Counter(), 0
        for expression, answer in zip(expressions, ours):
            if answer.startswith("!"):
                refused.append(expression)
                reasons[re.sub(r"'[^']*'|`[^`]*`", "..", answer[1:])] += 1
                continue
            compared += 1
            wanted = expected(cursor, expression, len(rows))
            if not same(wanted, answer[1:]):
                differ.append((expression, wanted, answer[1:]))
    print(f"{server.name}: {compared} expressions of {len(expressions)} compared on {len(rows)} rows, {len(refused)} refused, "
          f"{len(differ)} differ")
    for expression, wanted, answer in differ[:show]:
        print(f"  {expression}\n    server {wanted}\n    ours   {answer}")
    if show:
        for reason, number in reasons.most_common(25):
            print(f"  refused {number}: {reason}")
    return compared, len(differ)
