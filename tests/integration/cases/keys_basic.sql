-- full
CREATE TABLE pk (id INT PRIMARY KEY, v VARCHAR(40), n BIGINT);
INSERT INTO pk VALUES (1, 'one', 10), (2, 'zwei ä', 20), (3, NULL, NULL), (-4, '', -9223372036854775808);
CREATE TABLE uk (a INT NOT NULL, b VARCHAR(20) NOT NULL, c DECIMAL(20,5), UNIQUE KEY ab (a, b));
INSERT INTO uk VALUES (1, 'x', 1.5), (1, 'y', -0.00001), (2, 'x', 123456789012345.12345);
CREATE TABLE nokey (a INT, b TEXT);
INSERT INTO nokey VALUES (1, 'same'), (1, 'same'), (NULL, NULL), (2, 'it''s \\ "quoted"');
-- live
INSERT INTO pk VALUES (10, 'ten', 100), (11, 'eleven', 110);
UPDATE pk SET v = CONCAT(v, '!') WHERE id > 0;
UPDATE pk SET id = id + 100 WHERE id >= 10;
DELETE FROM pk WHERE id = 2;
INSERT INTO uk VALUES (3, 'z', 0);
UPDATE uk SET b = 'yy' WHERE b = 'y';
DELETE FROM uk WHERE a = 2;
INSERT INTO nokey VALUES (1, 'same'), (3, 'three');
DELETE FROM nokey WHERE a = 1 LIMIT 1;
UPDATE nokey SET b = 'changed' WHERE a = 2;
