"""The statements that gh-ost and pt-online-schema-change send to a server, in their order and their words. Rows are copied in
one go, and once more under the lock of the cut-over, in the place of what the tools do to follow changes."""
import contextlib
from concurrent.futures import ThreadPoolExecutor

from .waiting import wait_for


class GhOst:
    """`columns` are those that both tables have: (new name, expression over the old table). Who changes rows meanwhile does it
    under `guard`: the rename is not sure to be the next in the server's queue when the lock is released."""

    def __init__(self, server, schema, table, alter, columns=None, cut_over="atomic", guard=None):
        self.server, self.schema, self.table, self.alter, self.cut_over_type = server, schema, table, alter, cut_over
        self.columns, self.guard = columns, guard or contextlib.nullcontext()
        self.ghost, self.log, self.old = (self._name(suffix) for suffix in ("gho", "ghc", "del"))
        self.connection = server.connect(database=schema)
        self.cursor = self.connection.cursor()

    def _name(self, suffix):
        return f"_{self.table[:64 - len(suffix) - 2]}_{suffix}"

    def run(self, statement):
        self.cursor.execute(statement)

    def q(self, name):
        return f"`{self.schema}`.`{name}`"

    def begin(self):
        for name in (self.ghost, self.old, self.log):
            self.run(f"drop /* gh-ost */ table if exists {self.q(name)}")
        self.run(f"create /* gh-ost */ table {self.q(self.log)} (\n\t\t\tid bigint auto_increment,\n\t\t\t"
                 "last_update timestamp not null DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,\n\t\t\t"
                 "hint varchar(64) charset ascii not null,\n\t\t\tvalue varchar(4096) charset ascii not null,\n\t\t\t"
                 "primary key(id),\n\t\t\tunique key hint_uidx(hint)\n\t\t) auto_increment=256\n\t\t")
        self.run(f"create /* gh-ost */ table {self.q(self.ghost)} like {self.q(self.table)}")
        self.run(f"alter /* gh-ost */ table {self.q(self.ghost)} {self.alter}")
        self.hint(2, "state", "GhostTableMigrated")

    def hint(self, number, hint, value):
        self.run(f"insert /* gh-ost */ into {self.q(self.log)} (id, hint, value) values (NULLIF({number}, 0), '{hint}', '{value}') "
                 "on duplicate key update last_update=NOW(), value=VALUES(value)")
        self.connection.commit()

    def heartbeat(self):
        self.hint(1, "heartbeat", "2026-01-31T10:00:00.000000001Z")

    def copy(self, cursor=None):
        cursor = cursor or self.cursor
        columns = self.columns
        if columns is None:
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
                           "AND column_name IN (SELECT column_name FROM information_schema.columns WHERE table_schema = %s "
                           "AND table_name = %s)", (self.schema, self.ghost, self.schema, self.table))
            columns = [(f"`{row[0]}`", f"`{row[0]}`") for row in cursor.fetchall()]
        cursor.execute(f"replace /* gh-ost */ into {self.q(self.ghost)} ({', '.join(c[0] for c in columns)}) "
                       f"(select {', '.join(c[1] for c in columns)} from {self.q(self.table)})")
        cursor.connection.commit()

    def cut_over(self):
        self.heartbeat()
        with self.guard:
            self._cut_over()

    def _cut_over(self):
        if self.cut_over_type == "two-step":
            with self.server.connect(database=self.schema) as locking:
                cursor = locking.cursor()
                cursor.execute(f"lock /* gh-ost */ tables {self.q(self.table)} write, {self.q(self.ghost)} write")
                self._sync(cursor)
                cursor.execute(f"alter /* gh-ost */ table {self.q(self.table)} rename {self.q(self.old)}")
                cursor.execute("unlock tables")
            self.run(f"rename /* gh-ost */ table {self.q(self.ghost)} to {self.q(self.table)}")
            return
        with self.server.connect(database=self.schema) as locking:
            cursor = locking.cursor()
            cursor.execute(f"create /* gh-ost */ table {self.q(self.old)} (id int auto_increment primary key) "
                           "engine=InnoDB comment='ghost-cut-over-sentry'")
            cursor.execute(f"lock /* gh-ost */ tables {self.q(self.table)} write, {self.q(self.ghost)} write, {self.q(self.old)} write")
            self._sync(cursor)
            threads = ThreadPoolExecutor(1)
            renaming = threads.submit(
                self.run, f"rename /* gh-ost */ table {self.q(self.table)} to {self.q(self.old)}, {self.q(self.ghost)} to {self.q(self.table)}")
            wait_for(lambda: self.server.value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                                               "'rename /* gh-ost */%' AND state LIKE 'Waiting%'"), "the rename waits for the lock")
            cursor.execute(f"drop /* gh-ost */ table if exists {self.q(self.old)}")
            cursor.execute("unlock tables")
            renaming.result()
            threads.shutdown()

    def _sync(self, cursor):
        cursor.execute(f"delete /* gh-ost */ from {self.q(self.ghost)}")
        self.copy(cursor)

    def finish(self):
        for name in (self.log, self.old):
            self.run(f"drop /* gh-ost */ table if exists {self.q(name)}")
        self.connection.close()

    def cancel(self):
        for name in (self.ghost, self.log, self.old):
            self.run(f"drop /* gh-ost */ table if exists {self.q(name)}")
        self.connection.close()

    def end(self):
        """What is left to do after `begin`."""
        self.copy()
        self.cut_over()
        self.finish()

    def all(self):
        self.begin()
        self.end()
