-- task: {"syncers": {"sync": {"batch": 1000}}}
-- full
CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB);
INSERT INTO big VALUES (1, REPEAT('x', 3000000)), (2, REPEAT(0x00, 1000));
CREATE TABLE emoji (id INT PRIMARY KEY, `weird ``name` VARCHAR(20), `select` INT, KEY `key ``x` (`select`)) CHARSET utf8mb4;
INSERT INTO emoji VALUES (1, '😀', 1);
CREATE TABLE wide_key (a BIGINT UNSIGNED NOT NULL, b VARBINARY(20) NOT NULL, c DATETIME(6) NOT NULL, PRIMARY KEY (a, b, c));
INSERT INTO wide_key VALUES (18446744073709551615, 0x00FF, '2024-01-01 00:00:00.000001');
-- live
UPDATE big SET b = REPEAT('y', 4000000) WHERE id = 2;
INSERT INTO big SELECT id + 10, b FROM big;
DELETE FROM big WHERE id = 1;
UPDATE emoji SET `weird ``name` = '👩‍👩‍👧', `select` = NULL;
UPDATE wide_key SET b = 0x01, c = '9999-12-31 23:59:59.999999';
INSERT INTO wide_key VALUES (1, '', '1000-01-01 00:00:00');
