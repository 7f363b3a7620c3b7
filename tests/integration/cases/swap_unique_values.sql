-- full
CREATE TABLE t (id INT PRIMARY KEY, u INT, w VARCHAR(20), UNIQUE KEY (u), UNIQUE KEY (w));
INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, NULL, 'c'), (4, 4, NULL);
-- live
UPDATE t SET u = 0, w = 'tmp' WHERE id = 1;
UPDATE t SET u = 1, w = 'a' WHERE id = 2;
UPDATE t SET u = 2, w = 'b' WHERE id = 1;
DELETE FROM t WHERE id = 3;
INSERT INTO t VALUES (5, NULL, 'c');
UPDATE t SET id = 6, u = 5 WHERE id = 4;
INSERT INTO t VALUES (4, 4, 'd');
BEGIN;
DELETE FROM t WHERE id = 1;
INSERT INTO t VALUES (7, 2, 'b');
COMMIT;
