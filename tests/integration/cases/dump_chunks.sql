-- task: {"mydumpers": {"dump": {"rows": 7, "threads": 4}}, "loaders": {"load": {"on-duplicate-logical": "error"}}}
-- full
-- Tables that are cut into chunks, each in a way of its own: every row arrives once.
CREATE TABLE digits (d INT PRIMARY KEY);
INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
CREATE TABLE negative (id INT PRIMARY KEY);
INSERT INTO negative SELECT a.d * 10 + b.d - 50 FROM digits a, digits b;
CREATE TABLE extremes (id BIGINT PRIMARY KEY, v INT);
INSERT INTO extremes VALUES (-9223372036854775808, 1), (9223372036854775807, 2), (0, 3);
INSERT INTO extremes SELECT a.d * 1000003 + 1, b.d FROM digits a, digits b WHERE b.d = 1;
CREATE TABLE extremes_unsigned (id BIGINT UNSIGNED PRIMARY KEY);
INSERT INTO extremes_unsigned VALUES (18446744073709551615), (0), (9223372036854775808);
INSERT INTO extremes_unsigned SELECT a.d * 10 + b.d + 5 FROM digits a, digits b;
CREATE TABLE pk_and_unique (a INT PRIMARY KEY, b INT, UNIQUE KEY u (a));
INSERT INTO pk_and_unique SELECT a.d * 10 + b.d, b.d FROM digits a, digits b;
CREATE TABLE text_and_number (f VARCHAR(31), ver INT, v VARCHAR(10), PRIMARY KEY (f, ver));
INSERT INTO text_and_number SELECT CONCAT('f', a.d, CASE b.d % 3 WHEN 0 THEN 'A' WHEN 1 THEN 'b' ELSE 'é''"\\' END), c.d * 10 + b.d, 'x' FROM digits a, digits b, digits c;
CREATE TABLE enum_key (e ENUM('z', 'm', 'a'), id INT, PRIMARY KEY (e, id));
INSERT INTO enum_key SELECT 1 + a.d % 3, a.d * 10 + b.d FROM digits a, digits b;
CREATE TABLE binary_key (k BINARY(4) PRIMARY KEY, v INT);
INSERT INTO binary_key SELECT UNHEX(CONCAT(LPAD(HEX(a.d * 25), 2, '0'), '00', LPAD(HEX(b.d * 25), 2, '0'), '00')), b.d FROM digits a, digits b;
CREATE TABLE date_key (d DATE, t TIME(3), n DECIMAL(10,3), PRIMARY KEY (d, t, n));
INSERT INTO date_key SELECT DATE_ADD('2020-02-25', INTERVAL a.d DAY), SEC_TO_TIME(b.d * -1000.125), b.d / 3 FROM digits a, digits b;
CREATE TABLE latin_key (k VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY);
INSERT INTO latin_key SELECT CONCAT(CHAR(0xE4 + a.d USING latin1), a.d, b.d) FROM digits a, digits b;
CREATE TABLE nullable_unique (u INT, v INT, UNIQUE KEY (u));
INSERT INTO nullable_unique SELECT IF(a.d < 3, NULL, a.d * 10 + b.d), b.d FROM digits a, digits b;
CREATE TABLE keyless (a INT, b VARCHAR(10), KEY (a));
INSERT INTO keyless SELECT a.d, 'same' FROM digits a, digits b;
CREATE TABLE hashed (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 8;
INSERT INTO hashed SELECT (a.d * 100 + b.d * 10 + c.d) * 7919 % 100003 FROM digits a, digits b, digits c;
CREATE TABLE second_key (p VARCHAR(10) PRIMARY KEY, n INT NOT NULL, UNIQUE KEY (n));
INSERT INTO second_key SELECT CONCAT(b.d, a.d), a.d * 10 + b.d FROM digits a, digits b;
-- live
DELETE FROM text_and_number WHERE ver = 5;
UPDATE keyless SET b = 'other' WHERE a = 3;
INSERT INTO binary_key VALUES (x'01020304', 1);
