-- case: pairs=mysql9-mysql9
-- full
-- A primary key that the server made by itself is the identity of equal rows.
SET SESSION sql_generate_invisible_primary_key = ON;
CREATE TABLE t (a INT);
INSERT INTO t VALUES (1), (1), (2);
CREATE TABLE hidden (id INT PRIMARY KEY, a INT INVISIBLE, b INT);
INSERT INTO hidden (id, a, b) VALUES (1, 11, 111);
-- live
DELETE FROM t WHERE a = 1 LIMIT 1;
UPDATE hidden SET a = 12;
-- check: SELECT my_row_id, a FROM dump_invisible_key.t
-- check: SELECT id, a, b FROM dump_invisible_key.hidden
