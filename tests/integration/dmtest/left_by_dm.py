"""A task as DM 8.1 leaves it when it is stopped: its tables in the meta schema, made and filled as DM does, and a target
that has what they say."""
import copy
import json
import os
import re
from collections import namedtuple

from .migrated import Migrated
from .servers import REPO

META = "dm_left"

Place = namedtuple("Place", "file offset gtid")

CHECKPOINT = """(
  id VARCHAR(32) NOT NULL,
  cp_schema VARCHAR(128) NOT NULL,
  cp_table VARCHAR(128) NOT NULL,
  binlog_name VARCHAR(128),
  binlog_pos INT UNSIGNED,
  binlog_gtid TEXT,
  exit_safe_binlog_name VARCHAR(128) DEFAULT '',
  exit_safe_binlog_pos INT UNSIGNED DEFAULT 0,
  exit_safe_binlog_gtid TEXT,
  table_info JSON NOT NULL,
  is_global BOOLEAN,
  create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY uk_id_schema_table (id, cp_schema, cp_table)
)"""
# Of DM 1: without what versions 2 and later have added.
CHECKPOINT_1 = re.sub(r"(?m)^  (binlog_gtid|exit_safe_\w+|table_info) .*\n", "", CHECKPOINT)
# Of the first releases of DM 2.
CHECKPOINT_2 = CHECKPOINT.replace("binlog_gtid TEXT", "binlog_gtid VARCHAR(256)")  # that of the exit point, too
ONLINE_DDL = """(
  id VARCHAR(32) NOT NULL,
  ghost_schema VARCHAR(128) NOT NULL,
  ghost_table VARCHAR(128) NOT NULL,
  ddls text,
  update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY uk_id_schema_table (id, ghost_schema, ghost_table)
)"""
LOAD_STATUS = """(
  task_name varchar(255) NOT NULL,
  source_name varchar(255) NOT NULL,
  status varchar(10) NOT NULL DEFAULT 'init' COMMENT 'init,running,finished',
  PRIMARY KEY (task_name, source_name)
)"""
# Of versions whose load unit was not Lightning.
LOADER = """(
  id char(32) NOT NULL,
  filename varchar(255) NOT NULL,
  cp_schema varchar(128) NOT NULL,
  cp_table varchar(128) NOT NULL,
  `offset` bigint NOT NULL,
  end_pos bigint NOT NULL,
  create_time timestamp DEFAULT CURRENT_TIMESTAMP,
  update_time timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY uk_id_f (id, filename)
)"""


def recorded_table_info(table):
    """What DM stored as `table_info`: `pk1 (id INT PRIMARY KEY, a INT, b VARCHAR(20))`, `nokey`, the same without a key."""
    with open(os.path.join(REPO, "src", "mysql", "schema", "recorded_tables.inc")) as f:
        for text in re.findall(r'R"json\((.*?)\)json"', f.read(), re.S):
            info = json.loads(text)
            if info["name"]["O"] == table:
                return info
    raise AssertionError(f"nothing is recorded of {table}")


def with_column(info, name):
    """The same with one more INT column at the end."""
    info = copy.deepcopy(info)
    column = copy.deepcopy(next(c for c in info["cols"] if c["name"]["O"] == "a"))
    column.update(id=len(info["cols"]) + 1, name={"O": name, "L": name}, offset=len(info["cols"]))
    info["cols"].append(column)
    info["max_col_id"] = column["id"]
    return info


def exported(cluster, **ports):
    """A directory of the cluster with what `config export` of DM 8.1 has written, of a task and its source. `ports`: by role."""
    directory = os.path.join(cluster.dir, "exported")
    recorded = os.path.join(REPO, "tests", "integration", "exported_by_dm")
    for kind in ("sources", "tasks"):
        os.makedirs(os.path.join(directory, kind), exist_ok=True)
        for name in sorted(os.listdir(os.path.join(recorded, kind))):
            with open(os.path.join(recorded, kind, name)) as f:
                text = f.read()
            for role, port in ports.items():
                text = text.replace(f"<{role}-port>", str(port))
            cluster.write(f"exported/{kind}/{name}", text)
    return directory


class LeftByDm(Migrated):
    """The test says what DM has done before it was stopped; `go_on` starts our task."""

    def __init__(self, *args, meta=META, **more):
        super().__init__(*args, **{"meta-schema": meta, **more})
        self.meta_schema = meta

    @property
    def schema(self):
        return next(iter(self.names))

    def prepare(self, *statements, checkpoint=CHECKPOINT, load="finished"):
        """`statements` are executed on both sides."""
        super().prepare(*statements)
        self.downstream.run(f"DROP DATABASE IF EXISTS {self.meta_schema}")
        # What DM's tables have by default depends on the server.
        self.downstream.run(f"CREATE DATABASE {self.meta_schema}" + (" DEFAULT CHARACTER SET latin1" if self.downstream.flavor == "mariadb" else ""),
                            f"CREATE DATABASE {self.names[self.schema]} DEFAULT CHARACTER SET utf8mb4")
        self.below(*statements)
        self.make("syncer_checkpoint", checkpoint)
        self.make("onlineddl", ONLINE_DDL)
        if load:
            self.make("lightning_checkpoint_list", LOAD_STATUS)
            self.downstream.run(f"INSERT INTO {self.meta('lightning_checkpoint_list')} VALUES ('{self.task}', '{self.source}', '{load}')")
        return self

    def meta(self, table):
        return f"{self.meta_schema}.`{self.task}_{table}`"

    def make(self, table, layout):
        self.downstream.run(f"CREATE TABLE IF NOT EXISTS {self.meta(table)} {layout}")

    def below(self, *statements):
        """Executed downstream."""
        with self.downstream.connect(database=self.names[self.schema]) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)

    def both(self, *statements):
        """Changes that DM has replicated."""
        self.write(*statements)
        self.below(*statements)

    def here(self):
        """The end of the upstream's binlog."""
        row = self.upstream.run(self.upstream.status_statement)[0]
        gtid = self.upstream.value("SELECT @@GLOBAL.gtid_binlog_pos") if self.upstream.flavor == "mariadb" else row[4]
        return Place(row[0], int(row[1]), gtid)

    def saved(self, place, exit_point=None, tables=None):
        """A flush of DM's checkpoint. `tables`: by name place and `table_info`."""
        none = Place("", 0, "")
        rows = [("", "", place, exit_point or none, None, 1)]
        rows += [(self.schema, table, point, none, info, 0) for table, (point, info) in (tables or {}).items()]
        with self.downstream.connect() as connection:
            for schema, table, point, exit_safe, info, is_global in rows:
                connection.cursor().execute(
                    f"""INSERT INTO {self.meta("syncer_checkpoint")}
    (id, cp_schema, cp_table, binlog_name, binlog_pos, binlog_gtid, exit_safe_binlog_name, exit_safe_binlog_pos, exit_safe_binlog_gtid, table_info, is_global) VALUES
    (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE
      binlog_name = VALUES(binlog_name), binlog_pos = VALUES(binlog_pos), binlog_gtid = VALUES(binlog_gtid),
      exit_safe_binlog_name = VALUES(exit_safe_binlog_name), exit_safe_binlog_pos = VALUES(exit_safe_binlog_pos),
      exit_safe_binlog_gtid = VALUES(exit_safe_binlog_gtid), table_info = VALUES(table_info), is_global = VALUES(is_global)""",
                    (self.source, schema, table, *point, *exit_safe, json.dumps(info), is_global))

    def load(self, status):
        self.downstream.run(f"UPDATE {self.meta('lightning_checkpoint_list')} SET status = '{status}'")

    def go_on(self, **changes):
        self.cluster.ctl("start-task", self.file(**changes))
        return self

    def running(self):
        self.cluster.wait_stage(self.task, "Running", "Sync")
        return self

    def paused(self, code, phrase=""):
        return self.cluster.wait_error(self.task, code, phrase)

    def stopped(self):
        self.cluster.ctl("stop-task", self.task)
        return self

    def checkpoint(self, columns, where="is_global = 1"):
        return self.downstream.run(f"SELECT {columns} FROM {self.meta('syncer_checkpoint')} WHERE {where}")

    def dump_directory(self):
        return os.path.join(self.cluster.dir, f"dumped_data.{self.task}")

    def dumped(self, place, **files):
        """A dump directory of DM: `files` by name without `.sql`, with `__` for the dot."""
        os.makedirs(self.dump_directory(), exist_ok=True)
        gtid = f"\tGTID:{place.gtid}\n"
        self._write("metadata", "Started dump at: 2026-11-25 19:40:43\nSHOW MASTER STATUS:\n"
                    f"\tLog: {place.file}\n\tPos: {place.offset}\n{gtid}\nFinished dump at: 2026-11-25 19:40:43\n")
        for name, text in files.items():
            self._write(f"{name.replace('__', '.')}.sql", text)

    def _write(self, name, text):
        with open(os.path.join(self.dump_directory(), name), "w") as f:
            f.write(text)
