-- full
CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20), c INT, KEY kc (c), KEY kac (a, c));
INSERT INTO t VALUES (1, 1, 'one', 10), (2, 2, 'two', 20);
CREATE TABLE swapped (id INT PRIMARY KEY, a INT, b INT);
INSERT INTO swapped VALUES (1, 10, 20);
CREATE TABLE nopk (a INT NOT NULL, b INT);
INSERT INTO nopk VALUES (1, 1), (2, 2);
-- live
ALTER TABLE t ADD COLUMN d INT NOT NULL DEFAULT 7 AFTER a, ADD COLUMN e VARCHAR(10) DEFAULT 'e' FIRST, ADD KEY kd (d);
INSERT INTO t (id, a, d) VALUES (3, 3, 3);
ALTER TABLE t ADD COLUMN f INT, ADD COLUMN g INT AFTER f, DROP COLUMN e, RENAME INDEX kd TO kdd;
UPDATE t SET f = id, g = -id;
ALTER TABLE t DROP INDEX kac, DROP COLUMN c;
INSERT INTO t (id) VALUES (4);
ALTER TABLE t MODIFY COLUMN a BIGINT, CHANGE COLUMN b bb VARCHAR(100) DEFAULT '', ALTER COLUMN d SET DEFAULT 9;
INSERT INTO t (id, a) VALUES (5, 5000000000);
ALTER TABLE t ADD (h INT, i INT), ADD UNIQUE KEY uh (h), COMMENT = 'several';
INSERT INTO t (id, h) VALUES (6, 6), (7, NULL);
ALTER TABLE t DROP COLUMN f, ADD COLUMN f VARCHAR(5) DEFAULT 'new';
INSERT INTO t (id) VALUES (8);
ALTER TABLE t ADD COLUMN inline_unique INT UNIQUE;
INSERT INTO t (id, inline_unique) VALUES (9, 1);
ALTER TABLE t DROP COLUMN inline_unique;
ALTER TABLE nopk ADD PRIMARY KEY (a), ADD COLUMN c INT;
INSERT INTO nopk VALUES (3, 3, 3);
ALTER TABLE nopk DROP PRIMARY KEY, ADD UNIQUE KEY (a);
UPDATE nopk SET c = 1;
ALTER TABLE nopk RENAME TO renamed_nopk, ADD KEY kb (b);
DELETE FROM renamed_nopk WHERE a = 2;
-- check: SELECT id, a, bb, d FROM alter_split.t ORDER BY id
-- check: SELECT DISTINCT LOWER(table_name) t, LOWER(index_name) i FROM information_schema.statistics WHERE table_schema = 'alter_split' ORDER BY t, i
-- live
ALTER TABLE swapped RENAME COLUMN a TO b, RENAME COLUMN b TO a;
INSERT INTO swapped (id, a, b) VALUES (2, 11, 21);
-- check: SELECT id, a, b FROM alter_split.swapped ORDER BY id
-- live
CREATE TABLE loses (id INT PRIMARY KEY, a INT, b INT, c VARCHAR(20), KEY ac (a, c), KEY cb (c(5), b), KEY c (c), KEY ab (a, b));
INSERT INTO loses VALUES (1, 1, 1, 'one'), (2, 2, 2, 'two');
ALTER TABLE loses DROP COLUMN c, ADD COLUMN d INT DEFAULT 5;
INSERT INTO loses VALUES (3, 3, 3, 3);
UPDATE loses SET a = a + 10;
ALTER TABLE loses DROP COLUMN b, DROP INDEX ab, CHANGE a aa BIGINT;
INSERT INTO loses VALUES (4, 4, 4);
-- check: SELECT LOWER(index_name) i, seq_in_index, column_name FROM information_schema.statistics WHERE table_name = 'loses' ORDER BY i, seq_in_index
