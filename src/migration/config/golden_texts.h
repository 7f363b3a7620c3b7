// Files and records as the reference system (DM 8.1) printed and stored them; ports filled in.
#pragma once

namespace dm::migration::golden {

// clang-format off
inline constexpr const char* kSourceRecord = R"TEXT(enable = true
enable-gtid = false
auto-fix-gtid = false
relay-dir = "relay-dir"
meta-dir = ""
flavor = "mariadb"
charset = ""
enable-relay = false
relay-binlog-name = ""
relay-binlog-gtid = ""
source-id = "mysql-replica-01"
server-id = 429586508
case-sensitive = false

[from]
  host = "127.0.0.1"
  port = 3306
  user = "dm"
  password = "dm-Pa55"

[purge]
  interval = 3600
  expires = 0
  remain-space = 15

[checker]
  check-enable = true
  backoff-rollback = "5m0s"
  backoff-max = "5m0s"
  check-interval = "5s"
  backoff-min = "1s"
  backoff-jitter = true
  backoff-factor = 2.0
)TEXT";
inline constexpr const char* kPrintedSource = R"TEXT(enable: true
enable-gtid: false
auto-fix-gtid: false
relay-dir: relay-dir
meta-dir: ""
flavor: mariadb
charset: ""
enable-relay: false
relay-binlog-name: ""
relay-binlog-gtid: ""
source-id: mysql-replica-01
from:
  host: 127.0.0.1
  port: 3306
  user: dm
  password: '******'
  max-allowed-packet: null
  session: {}
  security: null
purge:
  interval: 3600
  expires: 0
  remain-space: 15
checker:
  check-enable: true
  backoff-rollback: 5m0s
  backoff-max: 5m0s
  check-interval: 5s
  backoff-min: 1s
  backoff-jitter: true
  backoff-factor: 2
server-id: 429586508
tracer: {}
case-sensitive: false
filters: []
)TEXT";
inline constexpr const char* kExportedSource = R"TEXT(enable-gtid: false
relay-dir: relay-dir
flavor: mariadb
charset: ""
enable-relay: false
relay-binlog-name: ""
relay-binlog-gtid: ""
source-id: mysql-replica-01
from:
  host: 127.0.0.1
  port: 3306
  user: dm
  password: dm-Pa55
  max-allowed-packet: null
  session: {}
  security: null
purge:
  interval: 3600
  expires: 0
  remain-space: 15
checker:
  check-enable: true
  backoff-rollback: 5m0s
  backoff-max: 5m0s
  check-interval: 5s
  backoff-min: 1s
  backoff-jitter: true
  backoff-factor: 2
server-id: 429503739
tracer: {}
)TEXT";
inline constexpr const char* kTaskFile = R"TEXT(name: cft
task-mode: all
target-database:
  host: "127.0.0.1"
  port: 4000
  user: "dm"
  password: "dm-Pa55"
mysql-instances:
  - source-id: "mysql-replica-01"
    block-allow-list: "bal"
    route-rules: ["r1"]
    filter-rules: ["f1"]
block-allow-list:
  bal:
    do-dbs: ["cf"]
routes:
  r1: {schema-pattern: "cf", target-schema: "cf2"}
filters:
  f1: {schema-pattern: "cf", table-pattern: "x*", events: ["drop table"], action: Ignore}

)TEXT";
inline constexpr const char* kPrintedTask = R"TEXT(name: cft
task-mode: all
is-sharding: false
shard-mode: ""
strict-optimistic-shard-mode: false
ignore-checking-items: []
meta-schema: dm_meta
enable-heartbeat: false
heartbeat-update-interval: 1
heartbeat-report-interval: 10
timezone: ""
case-sensitive: false
collation_compatible: loose
target-database:
  host: 127.0.0.1
  port: 4000
  user: dm
  password: '******'
  max-allowed-packet: null
  session: {}
  security: null
mysql-instances:
- source-id: mysql-replica-01
  meta: null
  filter-rules:
  - filter-01
  column-mapping-rules: []
  route-rules:
  - route-01
  expression-filters: []
  black-white-list: ""
  block-allow-list: balist-01
  mydumper-config-name: dump-01
  mydumper: null
  mydumper-thread: 0
  loader-config-name: load-01
  loader: null
  loader-thread: 0
  syncer-config-name: sync-01
  syncer: null
  syncer-thread: 0
  validator-config-name: validator-01
online-ddl: true
shadow-table-rules: []
trash-table-rules: []
online-ddl-scheme: ""
routes:
  route-01:
    schema-pattern: cf
    table-pattern: ""
    target-schema: cf2
    target-table: ""
filters:
  filter-01:
    schema-pattern: cf
    table-pattern: x*
    events:
    - drop table
    sql-pattern: []
    action: Ignore
column-mappings: {}
expression-filter: {}
black-white-list: {}
block-allow-list:
  balist-01:
    do-tables: []
    do-dbs:
    - cf
    ignore-tables: []
    ignore-dbs: []
mydumpers:
  dump-01:
    mydumper-path: ./bin/mydumper
    threads: 4
    chunk-filesize: "64"
    statement-size: 0
    rows: 0
    where: ""
    skip-tz-utc: true
    extra-args: ""
loaders:
  load-01:
    pool-size: 16
    dir: ./dumped_data
    sorting-dir-physical: ./dumped_data.cft.sorting
    import-mode: logical
    on-duplicate: ""
    on-duplicate-logical: replace
    on-duplicate-physical: none
    disk-quota-physical: 0
    checksum-physical: required
    analyze: optional
    range-concurrency: 0
    compress-kv-pairs: ""
    pd-addr: ""
syncers:
  sync-01:
    meta-file: ""
    worker-count: 16
    batch: 100
    queue-size: 1024
    checkpoint-flush-interval: 30
    compact: false
    multiple-rows: false
    max-retry: 0
    auto-fix-gtid: false
    enable-gtid: false
    disable-detect: false
    safe-mode: false
    safe-mode-duration: 60s
    enable-ansi-quotes: false
validators:
  validator-01:
    mode: none
    worker-count: 4
    validate-interval: 10s
    check-interval: 5s
    row-error-delay: 30m0s
    meta-flush-interval: 5m0s
    batch-query-size: 100
    max-pending-row-size: 500m
    max-pending-row-count: 2147483647
clean-dump-file: true
ansi-quotes: false
remove-meta: false
experimental:
  async-checkpoint-flush: false
)TEXT";
inline constexpr const char* kExportedTask = R"TEXT(name: cft
task-mode: all
is-sharding: false
shard-mode: ""
ignore-checking-items: []
meta-schema: dm_meta
enable-heartbeat: false
heartbeat-update-interval: 1
heartbeat-report-interval: 10
timezone: ""
case-sensitive: false
target-database:
  host: 127.0.0.1
  port: 4000
  user: dm
  password: dm-Pa55
  max-allowed-packet: null
  session: {}
  security: null
online-ddl-scheme: ""
routes:
  route-01:
    schema-pattern: cf
    table-pattern: ""
    target-schema: cf2
    target-table: ""
filters:
  filter-01:
    schema-pattern: cf
    table-pattern: x*
    events:
    - drop table
    sql-pattern: []
    action: Ignore
column-mappings: {}
black-white-list: {}
block-allow-list:
  balist-01:
    do-tables: []
    do-dbs:
    - cf
    ignore-tables: []
    ignore-dbs: []
mydumpers:
  dump-01:
    mydumper-path: ./bin/mydumper
    threads: 4
    chunk-filesize: "64"
    statement-size: 0
    rows: 0
    where: ""
    skip-tz-utc: true
    extra-args: ""
loaders:
  load-01:
    pool-size: 16
    dir: ./dumped_data
syncers:
  sync-01:
    meta-file: ""
    worker-count: 16
    batch: 100
    queue-size: 1024
    checkpoint-flush-interval: 30
    max-retry: 0
    enable-gtid: false
    disable-detect: false
    safe-mode: false
    enable-ansi-quotes: false
clean-dump-file: true
ansi-quotes: false
remove-meta: false
mysql-instances:
- source-id: mysql-replica-01
  meta: null
  filter-rules:
  - filter-01
  column-mapping-rules: []
  route-rules:
  - route-01
  black-white-list: ""
  block-allow-list: balist-01
  mydumper-config-name: dump-01
  mydumper: null
  mydumper-thread: 0
  loader-config-name: load-01
  loader: null
  loader-thread: 0
  syncer-config-name: sync-01
  syncer: null
  syncer-thread: 0
)TEXT";
inline constexpr const char* kSubtaskAll = R"TEXT(is-sharding = false
shard-mode = ""
strict-optimistic-shard-mode = false
online-ddl = true
shadow-table-rules = ["^_(.+)_(?:new|gho)$"]
trash-table-rules = ["^_(.+)_(?:ghc|del|old)$"]
online-ddl-scheme = ""
case-sensitive = false
collation_compatible = "loose"
name = "t1"
mode = "all"
source-id = "mysql-replica-01"
server-id = 0
flavor = ""
meta-schema = "dm_meta"
heartbeat-update-interval = 1
heartbeat-report-interval = 10
enable-heartbeat = false
timezone = ""
relay-dir = ""
use-relay = false
route-rules = []
filter-rules = []
mapping-rule = []
expression-filter = []
mydumper-path = "./bin/mydumper"
threads = 4
chunk-filesize = "64"
statement-size = 0
rows = 0
where = ""
skip-tz-utc = true
extra-args = ""
pool-size = 16
dir = "./dumped_data.t1"
sorting-dir-physical = "./dumped_data.t1.sorting"
import-mode = "logical"
on-duplicate = ""
on-duplicate-logical = "replace"
on-duplicate-physical = "none"
disk-quota-physical = 0
checksum-physical = "required"
analyze = "optional"
range-concurrency = 0
compress-kv-pairs = ""
pd-addr = ""
meta-file = ""
worker-count = 16
batch = 100
queue-size = 1024
checkpoint-flush-interval = 30
compact = false
multiple-rows = false
max-retry = 0
auto-fix-gtid = false
enable-gtid = false
disable-detect = false
safe-mode = false
safe-mode-duration = "60s"
enable-ansi-quotes = false
log-level = ""
log-file = ""
log-format = ""
log-rotate = ""
pprof-addr = ""
status-addr = ""
clean-dump-file = true
ansi-quotes = false

[from]
  host = "127.0.0.1"
  port = 3306
  user = "dm"
  password = "dm-Pa55"

[to]
  host = "127.0.0.1"
  port = 4000
  user = "dm"
  password = "dm-Pa55"

[block-allow-list]
  do-dbs = ["shop", "types"]

[ValidatorCfg]
  mode = "none"
  worker-count = 4
  validate-interval = "10s"
  check-interval = "5s"
  row-error-delay = "30m0s"
  meta-flush-interval = "5m0s"
  batch-query-size = 100
  max-pending-row-size = "500m"
  max-pending-row-count = 2147483647
  start-time = ""

[experimental]
  async-checkpoint-flush = false
)TEXT";
inline constexpr const char* kSubtaskSharding = R"TEXT(is-sharding = false
shard-mode = "pessimistic"
strict-optimistic-shard-mode = false
online-ddl = true
shadow-table-rules = ["^_(.+)_(?:new|gho)$"]
trash-table-rules = ["^_(.+)_(?:ghc|del|old)$"]
online-ddl-scheme = ""
case-sensitive = false
collation_compatible = "loose"
name = "sp"
mode = "incremental"
source-id = "mysql-replica-02"
server-id = 0
flavor = ""
meta-schema = "dm_meta_pessimistic"
heartbeat-update-interval = 1
heartbeat-report-interval = 10
enable-heartbeat = false
timezone = ""
relay-dir = ""
use-relay = false
filter-rules = []
mapping-rule = []
expression-filter = []
mydumper-path = "./bin/mydumper"
threads = 4
chunk-filesize = "64"
statement-size = 0
rows = 0
where = ""
skip-tz-utc = true
extra-args = ""
pool-size = 16
dir = "./dumped_data"
sorting-dir-physical = ""
import-mode = "logical"
on-duplicate = ""
on-duplicate-logical = "replace"
on-duplicate-physical = "none"
disk-quota-physical = 0
checksum-physical = "required"
analyze = "optional"
range-concurrency = 0
compress-kv-pairs = ""
pd-addr = ""
meta-file = ""
worker-count = 16
batch = 100
queue-size = 1024
checkpoint-flush-interval = 2
compact = false
multiple-rows = false
max-retry = 0
auto-fix-gtid = false
enable-gtid = false
disable-detect = false
safe-mode = false
safe-mode-duration = "60s"
enable-ansi-quotes = false
log-level = ""
log-file = ""
log-format = ""
log-rotate = ""
pprof-addr = ""
status-addr = ""
clean-dump-file = true
ansi-quotes = false

[meta]
  binlog-name = "mysql-bin.000001"
  binlog-pos = 3466
  binlog-gtid = ""

[from]
  host = "127.0.0.1"
  port = 3307
  user = "dm"
  password = "dm-Pa55"

[to]
  host = "127.0.0.1"
  port = 4000
  user = "dm"
  password = "dm-Pa55"

[[route-rules]]
  schema-pattern = "shard_1"
  table-pattern = "t_*"
  target-schema = "merged"
  target-table = "t_all"

[[route-rules]]
  schema-pattern = "shard_1"
  table-pattern = ""
  target-schema = "merged"
  target-table = ""

[block-allow-list]
  do-dbs = ["shard_1"]

[ValidatorCfg]
  mode = "none"
  worker-count = 4
  validate-interval = "10s"
  check-interval = "5s"
  row-error-delay = "30m0s"
  meta-flush-interval = "5m0s"
  batch-query-size = 100
  max-pending-row-size = "500m"
  max-pending-row-count = 2147483647
  start-time = ""

[experimental]
  async-checkpoint-flush = false
)TEXT";
inline constexpr const char* kSubtaskValidator = R"TEXT(is-sharding = false
shard-mode = ""
strict-optimistic-shard-mode = false
online-ddl = true
shadow-table-rules = ["^_(.+)_(?:new|gho)$"]
trash-table-rules = ["^_(.+)_(?:ghc|del|old)$"]
online-ddl-scheme = ""
case-sensitive = false
collation_compatible = "loose"
name = "vt"
mode = "incremental"
source-id = "mysql-replica-02"
server-id = 0
flavor = ""
meta-schema = "dm_meta"
heartbeat-update-interval = 1
heartbeat-report-interval = 10
enable-heartbeat = false
timezone = ""
relay-dir = ""
use-relay = false
route-rules = []
filter-rules = []
mapping-rule = []
expression-filter = []
mydumper-path = "./bin/mydumper"
threads = 4
chunk-filesize = "64"
statement-size = 0
rows = 0
where = ""
skip-tz-utc = true
extra-args = ""
pool-size = 16
dir = "./dumped_data"
sorting-dir-physical = ""
import-mode = "logical"
on-duplicate = ""
on-duplicate-logical = "replace"
on-duplicate-physical = "none"
disk-quota-physical = 0
checksum-physical = "required"
analyze = "optional"
range-concurrency = 0
compress-kv-pairs = ""
pd-addr = ""
meta-file = ""
worker-count = 16
batch = 100
queue-size = 1024
checkpoint-flush-interval = 1
compact = false
multiple-rows = false
max-retry = 0
auto-fix-gtid = false
enable-gtid = false
disable-detect = false
safe-mode = false
safe-mode-duration = "60s"
enable-ansi-quotes = false
log-level = ""
log-file = ""
log-format = ""
log-rotate = ""
pprof-addr = ""
status-addr = ""
clean-dump-file = true
ansi-quotes = false

[meta]
  binlog-name = "mysql-bin.000001"
  binlog-pos = 4363
  binlog-gtid = ""

[from]
  host = "127.0.0.1"
  port = 3307
  user = "dm"
  password = "dm-Pa55"

[to]
  host = "127.0.0.1"
  port = 4000
  user = "dm"
  password = "dm-Pa55"

[block-allow-list]
  do-dbs = ["va"]

[ValidatorCfg]
  mode = "full"
  worker-count = 4
  validate-interval = "10s"
  check-interval = "5s"
  row-error-delay = "5s"
  meta-flush-interval = "5s"
  batch-query-size = 100
  max-pending-row-size = "500m"
  max-pending-row-count = 2147483647
  start-time = ""

[experimental]
  async-checkpoint-flush = false
)TEXT";
// clang-format on

}  // namespace dm::migration::golden
