"""A shop's databases: tables of all common types, names and texts in many scripts, one table without a key."""
import random
import threading

SCHEMA = """
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4;
CREATE DATABASE shop_stock DEFAULT CHARACTER SET utf8mb4;
CREATE TABLE shop.customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(120) NOT NULL,
  born DATE, joined TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), notes TEXT, settings JSON,
  level ENUM('basic','silver','gold') NOT NULL DEFAULT 'basic', flags SET('news','phone','post'), newsletter BIT(1),
  UNIQUE KEY email (email), KEY name (name));
CREATE TABLE shop.orders (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer BIGINT UNSIGNED NOT NULL, placed DATETIME(6) NOT NULL,
  total DECIMAL(12,2) NOT NULL, discount FLOAT, weight DOUBLE, delivery TIME, year YEAR, status TINYINT UNSIGNED NOT NULL,
  gross DECIMAL(14,4) AS (total * 1.19) STORED, KEY customer (customer), KEY placed (placed));
CREATE TABLE shop.items (
  order_id BIGINT NOT NULL, line SMALLINT UNSIGNED NOT NULL, article MEDIUMINT UNSIGNED NOT NULL, amount INT NOT NULL,
  price DECIMAL(10,2) NOT NULL, PRIMARY KEY (order_id, line));
CREATE TABLE shop_stock.articles (
  id MEDIUMINT UNSIGNED NOT NULL PRIMARY KEY, sku CHAR(12) NOT NULL, title VARCHAR(200) NOT NULL, picture BLOB,
  digest BINARY(16), extra VARBINARY(60), UNIQUE KEY sku (sku));
CREATE TABLE shop_stock.`movements log` (at DATETIME NOT NULL, article MEDIUMINT UNSIGNED, amount INT, remark VARCHAR(60));
"""

NAMES = ["Zoë Müller", "Łukasz Żółć", "Иван Петров", "Ελένη", "李小龍", "山田太郎", "김철수", "José Ñandú", "علي", "नीरज",
         "O'Brien \"Bob\"", "back\\slash", "😀 Emoji", "Ünïcödé Ångström"]


def fill(connection, customers=20000, orders=60000, articles=3000):
    """The data before the migration."""
    rng = random.Random(7)
    cursor = connection.cursor()
    for statement in SCHEMA.strip().split(";\n"):
        if statement.strip():
            cursor.execute(statement.rstrip(";"))
    cursor.execute("SET time_zone = '+00:00'")

    def many(sql, rows):
        for start in range(0, len(rows), 2000):
            cursor.executemany(sql, rows[start:start + 2000])

    many("INSERT INTO shop.customers (name, email, born, notes, settings, level, flags, newsletter) "
         "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
         [(rng.choice(NAMES), f"user{i}@example.com", f"{rng.randint(1930, 2010)}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}",
           rng.choice([None, "", "line one\nline two", "täglich " * 20]),
           '{"lang": "%s", "sizes": [%d, null, true]}' % (rng.choice(["de", "日本"]), i), rng.randint(1, 3),
           rng.choice([None, "", "news", "news,post"]), rng.randint(0, 1)) for i in range(customers)])
    many("INSERT INTO shop.orders (customer, placed, total, discount, weight, delivery, year, status) "
         "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
         [(rng.randint(1, customers), f"2024-0{rng.randint(1, 9)}-1{rng.randint(0, 9)} 1{rng.randint(0, 9)}:00:00.{i:06d}",
           rng.randint(1, 10**7) / 100, rng.choice([None, 0.1, 1 / 3]), rng.random() * 100,
           f"{rng.randint(-800, 800)}:30:15", rng.randint(1990, 2030), rng.randint(0, 255)) for i in range(orders)])
    many("INSERT INTO shop.items VALUES (%s, %s, %s, %s, %s)",
         [(i, line, rng.randint(1, articles), rng.randint(1, 9), rng.randint(1, 99999) / 100)
          for i in range(1, orders + 1) for line in range(rng.randint(1, 2))])
    many("INSERT INTO shop_stock.articles VALUES (%s, %s, %s, %s, %s, %s)",
         [(i, f"SKU{i:09d}", f"Artikel {i} – {rng.choice(NAMES)}", rng.randbytes(rng.randint(0, 300)), rng.randbytes(16),
           rng.randbytes(rng.randint(0, 60))) for i in range(1, articles + 1)])
    many("INSERT INTO shop_stock.`movements log` VALUES (%s, %s, %s, %s)",
         [(f"2024-01-0{rng.randint(1, 9)} 10:00:00", rng.randint(1, 50), 1, rng.choice([None, "same", "gleich"]))
          for _ in range(5000)])


class Traffic(threading.Thread):
    """Business goes on: orders come in, customers change, stock moves, until stop()."""

    def __init__(self, connect):
        super().__init__(daemon=True)
        self.connect, self.ending, self.transactions, self.error = connect, threading.Event(), 0, None

    def run(self):
        try:
            rng = random.Random(8)
            connection = self.connect()
            connection.autocommit(False)
            cursor = connection.cursor()
            while not self.ending.is_set():
                cursor.execute("INSERT INTO shop.orders (customer, placed, total, status) VALUES (%s, NOW(6), %s, 1)",
                               (rng.randint(1, 20000), rng.randint(1, 99999) / 100))
                order = cursor.lastrowid
                for line in range(rng.randint(1, 4)):
                    cursor.execute("INSERT INTO shop.items VALUES (%s, %s, %s, 1, 9.99)",
                                   (order, line, rng.randint(1, 3000)))
                cursor.execute("UPDATE shop.customers SET level = %s, notes = %s WHERE id = %s",
                               (rng.randint(1, 3), rng.choice(NAMES), rng.randint(1, 20000)))
                cursor.execute("INSERT INTO shop_stock.`movements log` VALUES (NOW(), %s, -1, %s)",
                               (rng.randint(1, 50), rng.choice([None, "sold", "verkauft"])))
                if rng.random() < 0.1:
                    cursor.execute("DELETE FROM shop.items WHERE order_id = %s", (rng.randint(1, 60000),))
                    cursor.execute("DELETE FROM shop_stock.`movements log` WHERE article = %s LIMIT 1",
                                   (rng.randint(1, 50),))
                connection.commit()
                self.transactions += 1
        except Exception as e:  # shown at the end
            self.error = e

    def stop(self):
        self.ending.set()
        self.join()
        if self.error:
            raise self.error
