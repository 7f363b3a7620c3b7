-- case: pairs=mariadb-mariadb
-- full
-- Tables that are more, or less, than they seem.
CREATE SEQUENCE s;
CREATE TABLE t (id INT PRIMARY KEY);
INSERT INTO t VALUES (1);
CREATE TABLE hidden (id INT PRIMARY KEY, a INT INVISIBLE DEFAULT 5, b INT);
INSERT INTO hidden (id, a, b) VALUES (1, 11, 111), (2, 22, 222);
CREATE TABLE computed (a INT, b INT AS (a + 1) VIRTUAL, c INT AS (a + 2) PERSISTENT INVISIBLE);
INSERT INTO computed (a) VALUES (1), (1), (2);
CREATE TABLE only_computed (b INT AS (1 + 1) VIRTUAL);
INSERT INTO only_computed VALUES (), ();
CREATE TABLE `a.b-c``d%e/f` (`x.y` INT PRIMARY KEY, `-schema` VARCHAR(10));
INSERT INTO `a.b-c``d%e/f` VALUES (1, 'x');
CREATE TABLE `%2F-schema` (id INT PRIMARY KEY);
INSERT INTO `%2F-schema` VALUES (1);
-- live
UPDATE hidden SET a = 33 WHERE id = 1;
INSERT INTO `a.b-c``d%e/f` VALUES (2, 'y');
INSERT INTO computed (a) VALUES (3);
-- check: SELECT id, a, b FROM dump_objects.hidden ORDER BY id
