-- case: pairs=mysql9-mariadb
-- full
CREATE TABLE plain (id VARCHAR(10) PRIMARY KEY, c INT /*!80023 INVISIBLE */ DEFAULT 1, KEY kc (c) /*!80000 INVISIBLE */);
INSERT INTO plain (id) VALUES ('a'), ('a ');
CREATE TABLE languages (sv VARCHAR(10) COLLATE utf8mb4_sv_0900_ai_ci PRIMARY KEY, cs VARCHAR(10) COLLATE utf8mb4_0900_as_cs UNIQUE, b VARCHAR(10) COLLATE utf8mb4_0900_bin UNIQUE, g VARCHAR(5) CHARACTER SET latin1);
INSERT INTO languages VALUES ('a', 'x', 'x', 'g'), ('å', 'X', 'x ', 'h');
CREATE VIEW v AS SELECT id COLLATE utf8mb4_0900_as_cs AS id FROM plain;
-- live
CREATE TABLE implicit (id VARCHAR(10) PRIMARY KEY);
INSERT INTO implicit VALUES ('a'), ('a '), ('b');
CREATE TABLE charset_only (id VARCHAR(10) CHARACTER SET utf8mb4 PRIMARY KEY, n VARCHAR(10)) CHARACTER SET utf8mb4;
INSERT INTO charset_only VALUES ('a', 'A'), ('a ', 'B');
ALTER TABLE charset_only ADD COLUMN m VARCHAR(10) COLLATE utf8mb4_da_0900_as_cs UNIQUE;
UPDATE charset_only SET m = n;
ALTER TABLE charset_only COLLATE utf8mb4_0900_as_ci;
CREATE TABLE converted (id VARCHAR(10) PRIMARY KEY) CHARACTER SET latin1;
INSERT INTO converted VALUES ('a');
ALTER TABLE converted CONVERT TO CHARACTER SET utf8mb4;
INSERT INTO converted VALUES ('a ');
ALTER DATABASE collations_mysql_mariadb COLLATE utf8mb4_0900_bin;
CREATE TABLE binary_default (id VARCHAR(10) PRIMARY KEY);
INSERT INTO binary_default VALUES ('a'), ('A'), ('a ');
-- check: SELECT COUNT(*) FROM collations_mysql_mariadb.implicit WHERE id = 'A'
-- check: SELECT COUNT(*) FROM collations_mysql_mariadb.binary_default WHERE id = 'A'
-- check: SELECT COUNT(*) FROM collations_mysql_mariadb.plain WHERE id = 'A'
-- check: SELECT REPLACE(REPLACE(REPLACE(collation_name, 'uca1400_nopad', '0900'), 'uca1400_danish_nopad', 'da_0900'), 'utf8mb4_nopad_bin', 'utf8mb4_0900_bin') FROM information_schema.columns WHERE table_schema = 'collations_mysql_mariadb' AND table_name IN ('implicit', 'charset_only', 'converted', 'binary_default') ORDER BY table_name, ordinal_position
