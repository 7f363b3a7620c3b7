"""Load on a table without identity, where every repetition and every loss shows."""
import random
import threading

from .compare import difference
from .rounds import lost_and_doubled

TABLES = ("CREATE TABLE {0}.n (g INT, b TEXT)", "CREATE TABLE {0}.k (id BIGINT PRIMARY KEY, g INT, b TEXT, UNIQUE KEY (g))")


class KeylessLoad(threading.Thread):
    """Transactions on both tables until stopped; rests when told to. Rows are equal to others of their transaction; some of them are
    changed and deleted, one of the equal ones each time."""

    def __init__(self, server, schema, seed, pace=0.005):
        """`pace`: seconds between two transactions."""
        super().__init__(daemon=True)
        self.server, self.schema, self.rng, self.pace = server, schema, random.Random(seed), pace
        self.ending, self.going, self.resting, self.big = threading.Event(), threading.Event(), threading.Event(), threading.Event()
        self.transactions, self.error = 0, None

    def run(self):
        try:
            with self.server.connect(database=self.schema) as connection:
                connection.autocommit(False)
                cursor = connection.cursor()
                while not self.ending.is_set():
                    if not self.going.is_set():
                        self.resting.set()
                        self.going.wait(0.05)
                        continue
                    self.resting.clear()
                    if self.big.is_set():
                        self.big.clear()
                        self._large(cursor)
                    else:
                        self._transaction(cursor)
                    connection.commit()
                    self.transactions += 1
                    self.ending.wait(self.pace)
        except Exception as e:
            self.error = e
        finally:
            self.resting.set()

    def _transaction(self, cursor):
        g, rng = self.transactions, self.rng
        cursor.execute(f"INSERT INTO n VALUES ({g}, 'same'), ({g}, 'same'), ({g}, 'same'), ({g % 5}, NULL)")
        if rng.random() < 0.5:
            cursor.execute(f"INSERT INTO k VALUES ({g}, {g}, 'v')")
        if rng.random() < 0.5:
            cursor.execute(f"DELETE FROM n WHERE g = {rng.randint(max(0, g - 50), g)} LIMIT 1")
        if rng.random() < 0.5:
            cursor.execute(f"UPDATE n SET b = 'other' WHERE g = {rng.randint(max(0, g - 50), g)} LIMIT 1")
        if rng.random() < 0.3:
            cursor.execute(f"UPDATE k SET g = -g WHERE id = {g - 1}")
        if g % 200 == 199:  # each change downstream reads the whole table: it must not grow with the rounds
            cursor.execute(f"DELETE FROM n WHERE g BETWEEN 5 AND {g - 150}")
            cursor.execute("DELETE FROM n WHERE g < 5 LIMIT 195")

    def _large(self, cursor):
        """More than a packet takes, less than what is committed in pieces."""
        cursor.execute(f"INSERT INTO n SELECT {self.transactions}, REPEAT('b', 60000) FROM seq_1_to_45")  # too few rows for bulk execution

    def rest(self):
        self.going.clear()
        assert self.resting.wait(60), f"the load does not rest, after {self.transactions} transactions"
        if self.error:
            raise self.error

    def go(self):
        self.resting.clear()
        self.going.set()

    def stop(self):
        self.ending.set()
        self.join()
        if self.error:
            raise self.error

    def judge(self, downstream, rounds):
        """Both sides are compared; what differs is counted and fails."""
        lost, doubled = lost_and_doubled(self.server, downstream, f"{self.schema}.n")
        rounds.figures["rows lost"] += lost
        rounds.figures["rows doubled"] += doubled
        found = difference(self.server, downstream, {self.schema: self.schema})
        assert (lost, doubled, found) == (0, 0, None), (lost, doubled, found)


def tables(upstream, downstream, schema):
    """Fresh ones upstream, none downstream."""
    for server in (upstream, downstream):
        server.run(f"DROP DATABASE IF EXISTS {schema}")
    upstream.run(f"CREATE DATABASE {schema}", *(text.format(schema) for text in TABLES))
