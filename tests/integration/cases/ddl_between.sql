-- case: pairs=mysql9-mariadb
-- full
CREATE TABLE t (id INT PRIMARY KEY, a INT);
INSERT INTO t VALUES (1, 1);
-- live
CREATE TABLE own (id INT PRIMARY KEY, a INT INVISIBLE, b VARCHAR(10), KEY fk ((a + 1)), KEY k (a) INVISIBLE, CHECK (a > 5) NOT ENFORCED, CONSTRAINT c CHECK (id > 0));
INSERT INTO own (id, a, b) VALUES (1, 1, 'x');
ALTER TABLE own ALTER COLUMN b SET VISIBLE;
ALTER TABLE own ALTER CHECK c NOT ENFORCED, ALTER INDEX k VISIBLE;
INSERT INTO own (id, a, b) VALUES (-1, 2, 'y');
ALTER TABLE own DROP CHECK c;
ALTER TABLE t ADD p POINT NULL SRID 0, ADD q POINT SRID 0 NULL, ALGORITHM=COPY;
ALTER TABLE t ADD KEY ((a * 2)), ADD KEY (a);
INSERT INTO t VALUES (2, 2, POINT(1, 2), NULL);
CREATE TABLE made LIKE own;
INSERT INTO made (id, a) VALUES (1, 1);
-- check: SELECT id, a, b FROM ddl_between.own ORDER BY id
-- live
CREATE TABLE loses (a INT, b INT, c INT NOT NULL, d VARCHAR(20), e INT, PRIMARY KEY (a, b), UNIQUE KEY bc (b, c) COMMENT 'two', UNIQUE KEY dce (d(5), c, e), UNIQUE KEY ce (c, e), UNIQUE KEY e (e), KEY eb (e, b));
INSERT INTO loses VALUES (1, 1, 1, 'x', 1), (2, 1, 2, 'y', 2);
ALTER TABLE loses ADD COLUMN f INT DEFAULT 3 FIRST, DROP COLUMN b, ADD KEY f (f);
INSERT INTO loses (a, c, d, e) VALUES (3, 3, 'xyzzyx', 3);
ALTER TABLE loses DROP COLUMN e, RENAME COLUMN d TO dd, DROP KEY ce;
UPDATE loses SET c = c + 10 WHERE a = 3;
ALTER TABLE loses DROP PRIMARY KEY, DROP COLUMN a, ADD PRIMARY KEY (c), RENAME TO lost;
DELETE FROM lost WHERE c = 1;
-- check: SELECT index_name, seq_in_index, column_name, sub_part, non_unique FROM information_schema.statistics WHERE table_schema = 'ddl_between' AND table_name = 'lost' ORDER BY index_name, seq_in_index
