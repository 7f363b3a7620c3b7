-- full
CREATE TABLE swedish (id VARCHAR(10) PRIMARY KEY, n INT) DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
INSERT INTO swedish VALUES ('a', 1), ('B', 2);
CREATE TABLE ci (id VARCHAR(10) PRIMARY KEY, u VARCHAR(10) COLLATE utf8mb4_unicode_ci UNIQUE, n INT) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO ci VALUES ('a', 'x', 1), ('b', 'y', 2);
CREATE TABLE de (id INT PRIMARY KEY, t VARCHAR(20) COLLATE utf8mb4_german2_ci, UNIQUE KEY (t)) DEFAULT CHARSET=utf8mb4;
INSERT INTO de VALUES (1, 'ß'), (2, 's');
-- live
DELETE FROM ci WHERE id = 'a';
INSERT INTO ci VALUES ('A', 'X', 3);
UPDATE ci SET u = 'Y ' WHERE id = 'b';
CREATE TABLE late (id VARCHAR(10) PRIMARY KEY, t TEXT CHARACTER SET latin1 COLLATE latin1_general_cs) COLLATE utf8mb4_spanish_ci;
INSERT INTO late VALUES ('ñ', 'E'), ('n', 'e');
ALTER TABLE ci ADD COLUMN extra VARCHAR(5) COLLATE utf8mb4_czech_ci;
UPDATE ci SET extra = 'ch';
INSERT INTO swedish VALUES ('C', 3);
ALTER TABLE late ADD COLUMN e VARCHAR(5) DEFAULT _latin1 0xE9, ADD COLUMN g VARCHAR(5) CHARACTER SET utf8mb4 DEFAULT _gbk X'C4E3';
INSERT INTO late VALUES ('o', 'e', DEFAULT, DEFAULT);
CREATE TABLE introduced (id INT PRIMARY KEY, e VARCHAR(5) DEFAULT _latin1 0xE9);
INSERT INTO introduced (id) VALUES (1);
-- check: SELECT COUNT(*) FROM names_collations.ci WHERE id = 'a'
