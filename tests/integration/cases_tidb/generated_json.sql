-- full
CREATE TABLE g (id INT PRIMARY KEY, a INT, s INT GENERATED ALWAYS AS (a * 2) STORED, v VARCHAR(20) AS (CONCAT('v', a)) VIRTUAL, KEY (s));
INSERT INTO g (id, a) VALUES (1, 10), (2, NULL);
CREATE TABLE j (id INT PRIMARY KEY, doc JSON, name VARCHAR(50) AS (JSON_UNQUOTE(JSON_EXTRACT(doc, '$.name'))) STORED);
INSERT INTO j (id, doc) VALUES (1, '{"name": "ä€😀", "n": [1, -2.5, null, true, {"k": "v\\"q"}]}'), (2, NULL), (3, '[]');
INSERT INTO j (id, doc) VALUES (4, '{"big": 18446744073709551615, "neg": -9223372036854775808, "dec": 0.1}');
-- live
INSERT INTO g (id, a) VALUES (3, 30);
UPDATE g SET a = 11 WHERE id = 1;
DELETE FROM g WHERE id = 2;
INSERT INTO j (id, doc) VALUES (5, '{"name": "x"}'), (6, '"text"'), (7, '12345678901234567890123');
UPDATE j SET doc = JSON_SET(doc, '$.name', 'changed') WHERE id = 1;
ALTER TABLE g ADD COLUMN w BIGINT AS (a + 1) VIRTUAL;
INSERT INTO g (id, a) VALUES (4, 40);
-- check: SELECT id, s, v, w FROM generated_json.g ORDER BY id
