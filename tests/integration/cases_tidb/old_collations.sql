-- case: pairs=mariadb-tidbold,mariadb-tidb
-- full
CREATE TABLE ci (id VARCHAR(10) PRIMARY KEY, u VARCHAR(10) COLLATE utf8mb4_unicode_ci UNIQUE, n INT) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO ci VALUES ('a', 'x', 1), ('b ', 'y', 2), ('ß', 'É', 3);
CREATE TABLE swedish (id CHAR(10) PRIMARY KEY, n INT) DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
INSERT INTO swedish VALUES ('å', 1), ('B', 2);
-- live
UPDATE ci SET id = 'A', n = 10 WHERE id = 'a';
UPDATE ci SET u = 'Y ' WHERE id = 'B';
DELETE FROM ci WHERE id = 'A';
INSERT INTO ci VALUES ('a ', 'X', 4);
UPDATE ci SET u = 'e', id = 'S' WHERE n = 3;
REPLACE INTO ci VALUES ('A', 'E', 5);
UPDATE swedish SET id = 'Å', n = 3 WHERE id = 'å';
DELETE FROM swedish WHERE id = 'b';
INSERT INTO swedish VALUES ('b', 5);
