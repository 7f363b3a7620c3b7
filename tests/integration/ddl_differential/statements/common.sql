-- Every clause that MySQL and MariaDB share, once or in the ways that differ. One statement up to a ';' at a line's end.

-- fresh
create table parent (id int primary key, k varchar(20), a int, b int, unique key (k), unique key ab (a, b));
create table `back``tick` (`a``b` int primary key, `select` int, `a b` int default 3, `größe` varchar(5), `数` int, `1a` int, 2b int, $x int);
alter table `back``tick` add `key` int after `a``b`, add index `in``dex` (`select`), change `a b` `c d` int not null;
alter table `back``tick` rename column `GRÖßE` to x1;
alter table `back``tick` drop x1, drop `1A`;
drop table `back``tick`;
create table 1t (1c int, key 1k (1c));
alter table 1t add 2e int, add e2 int;
drop table 1t;
create table Case_Table (Id int primary key, MixedCase int, key MixedKey (mixedcase));
alter table Case_Table rename column ID to id, modify MIXEDCASE bigint, drop key mixedkey;
alter table Case_Table add key k (MIXEDcase), add unique (iD);
drop table Case_Table;
create table comment_styles (a int, -- one
  b int, # two
  c int /* three */, d int --	tab after
  , e int /*! unsigned */, f int /*!50001 default 5 */, g int /*!50100 not null */);
alter /* x */ table/**/comment_styles/* y */add/* z */h/* ' */int;
drop table comment_styles;
create table comments (a int comment 'say "x"', b int comment "it's", c int comment '{"k": "v \\"q\\""}', d int comment 'a;\nb', e int comment 'tab\t',
  f int comment '', h int comment "double "" quote", i int comment 'single '' quote') comment 'table; comment /* no comment */';
alter table comments comment = 'new -- comment', modify a int comment 'x\\y';
alter table comments modify b int;
drop table comments;

-- types
create table integers (a tinyint, b tinyint(1), c tinyint unsigned, d smallint(3), e mediumint unsigned, f int(11), g integer, h bigint(20) unsigned, i int zerofill,
  j int(4) unsigned zerofill, k bool, l boolean default true, m int1, n int2, o int3, p int4, q int8, r middleint, s int signed, t bit, u bit(64));
create table reals (a decimal, b decimal(5), c decimal(5,2), d numeric(7,3) unsigned, e dec, f fixed(4,1) zerofill, g float, h float(10), i float(24), j float(25), k float(7,3),
  l double, m double precision, n double(9,4), o real, p float4, q float8 unsigned, r decimal(65,30));
create table times (a date, b time, c time(6), d datetime, e datetime(3), f timestamp null, g timestamp(6) null default null, h year, i year(4),
  j datetime default current_timestamp, k datetime(2) default now(2) on update current_timestamp(2), l timestamp default current_timestamp on update current_timestamp(),
  m timestamp not null default localtime, n timestamp(3) default localtimestamp(3), o datetime on update now(), p timestamp null on update now());
create table texts (a char, b char(255), c varchar(1), d varchar(16000), e tinytext, f text, g mediumtext, h longtext, i text(1), j text(255), k text(256), l text(16383), m text(65535),
  n text(70000), o long, p long varchar, q char varying(4), r character(3), s character varying(5)) charset latin1;
create table blobs (a binary, b binary(16), c varbinary(1), d varbinary(3000), e tinyblob, f blob, g mediumblob, h longblob, i blob(1), j blob(255), k blob(256), l blob(65535), m blob(65536),
  n blob(16777216), o long varbinary, p char(4) byte, q char(3) character set binary, r text charset binary, s varchar(7) charset binary, t tinytext character set binary);
create table national_texts (a nchar, b nchar(5), c national char(6), d nvarchar(7), e national varchar(8), f nchar varchar(9), g national character varying(10), h nchar varying(11), i national char varying(12));
create table elements (a enum('a','b','c') default 'b', b enum('x ','y'), c set('1','2') default '1,2', d set('a','b') charset latin1, e enum('ä','ß') collate utf8mb4_bin, f enum("q'q",'r"r'), g enum('a','A') collate utf8mb4_bin,
  h enum('one') not null, i set('x') not null);
create table charsets (a varchar(5) charset latin1, b varchar(5) character set utf8mb4, c varchar(5) character set 'utf8mb3', d varchar(5) ascii, e varchar(5) unicode, f varchar(5) binary,
  g varchar(5) charset latin1 binary, h text collate utf8mb4_unicode_ci, i char(3) charset gbk, j varchar(5) charset cp1251, k varchar(9) charset ucs2, l varchar(9) charset utf16, m varchar(9) charset utf32,
  n varchar(5) collate latin1_bin, o varchar(5) charset utf8, p varchar(5) collate utf8mb3_unicode_ci, q varchar(4) charset big5, r varchar(4) charset sjis, s char(4) charset latin2, t char(9) charset latin1 collate latin1_general_cs);
alter table charsets convert to character set utf8mb4;
alter table charsets convert to character set latin1 collate latin1_german1_ci;
alter table charsets charset utf8mb4;
alter table charsets add u varchar(3), add v varchar(3) charset latin1, add w text binary;
alter table charsets default collate utf8mb4_bin;
alter table charsets modify a varchar(7), modify b varchar(7) charset latin1, change c cc text collate latin1_bin;
alter table charsets convert to character set default;
alter table texts convert to character set utf8mb4;
alter table texts convert to charset latin1;
create table text_bytes (a tinytext, b text, c mediumtext, d longtext, e text(100), f tinytext not null) charset latin1;
alter table text_bytes convert to character set utf8mb3;
alter table text_bytes convert to character set utf8mb4 collate utf8mb4_bin;
create table json_and_space (a json, b json not null, c geometry, d point not null, e linestring, f polygon, g multipoint, h multilinestring, i multipolygon, j geometrycollection);

-- defaults
create table default_collate (a varchar(5) default 'x' collate utf8mb4_bin, b varchar(5) collate utf8mb4_bin default 'y', c varchar(5) charset latin1 default 'z' collate latin1_bin not null, d text collate utf8mb4_bin, e varchar(5) not null collate utf8mb4_bin comment 'c');
create table defaults (a int default 5, b int default '6', c int default -7, d int default +8, e decimal(6,3) default 1.5, f decimal(6,3) default '2', g float default 1.25, h double default 1e10, i double default '3.50',
  j bit(9) default b'101', k bit(9) default 257, l bit(3) default x'05', m char(3) default 'x', n varchar(9) default "y", o varchar(9) default 'it''s', p varchar(9) default 'a\\b', q varchar(9) default x'4142', r varchar(9) default 0x43,
  s binary(3) default 'z', t varbinary(3) default 'w', u date default '2020-01-02', v date default 20200203, w time default '1:2:3', x datetime default '2020-01-02', y datetime(3) default '2020-01-02 03:04:05.6', z year default 1999);
create table defaults2 (a enum('a','b') default 'B', b set('x','y','z') default 'Z,x', c tinyint default true, d int default false, e varchar(9) default 5, f varchar(9) default null, g int not null default 0,
  h int(5) zerofill default 3, i decimal(5,2) default 2.345, j int default 2.5, k int default 1e2, l date default '2020-1-2', m datetime default '2020-1-2 3:4:5', n time default '11:12', o year default '70', p char(5) default '', q timestamp null default '2020-01-01 00:00:00',
  r datetime(6) default '2020-01-02 03:04:05', s varchar(9) default N'n', t varchar(9) default _utf8mb4'u', u float default '.5', v decimal(10,0) default 1.0, w bigint default 9223372036854775807, x bigint unsigned default 18446744073709551615);
create table default_expressions (a int default (1 + 2), b varchar(40) default (uuid()), c int default (abs(-5)), d date default (curdate()), e text default ('x'), f json default (json_object()), g blob default ('b'), h double default (rand()), i varchar(20) default (concat('a', 'b')), j int, k int default (2 * 3));
alter table default_expressions alter a set default (3 + 4), alter column c drop default, alter j set default 5;
alter table default_expressions alter j set default null, alter i set default 'plain';
alter table default_expressions modify a int default 5;
alter table default_expressions alter column a drop default;
alter table default_expressions modify a int;

-- generated columns
create table gen_cols (a int, b int as (a + 1), c int generated always as (a * 2) virtual, d int generated always as (a - 1) stored, e varchar(30) as (concat('v', a)) stored comment 'e', f int as (a) unique, h bigint as (if(a > 1, a, 2)) virtual, key (b), key hd (h, d));
alter table gen_cols change a z int;
alter table gen_cols rename column z to zz;
alter table gen_cols drop b;
alter table gen_cols add i int as (zz + d) virtual first, add j int as (zz) stored after zz;
alter table gen_cols modify c bigint as (zz * 3) virtual;
alter table gen_cols drop zz;
alter table gen_cols drop h, drop key hd;
alter table gen_cols modify d bigint as (zz - 2) stored;
alter table gen_cols add k int, add l int as (k + 1) virtual;
alter table gen_cols drop k, drop l;
create table generated_bad (a int as (b) virtual);

-- keys
create table named (a int, b int, c varchar(300), d text, e int, key (a), key (a, b), index (c(10)), unique (b), unique key (b, a), unique uu (e), index ii using btree (e), key dd (d(20)), fulltext key ft (d), fulltext (c), key (e), unique index xx (a, e) comment 'k', constraint cc unique (c(20)), constraint c1 unique c2 (e, a));
alter table named add index (a), add unique (a), add primary key (e), add key `primary2` (b), add index (d(5)), add fulltext index (c, d);
alter table named drop index a, drop key a_2, rename index uu to vv, rename key ii to jj;
alter table named drop primary key, drop index `vv`;
alter table named drop primary key;
alter table named drop key nothing;
alter table named add key jj (a);
alter table named rename index jj to xx;
create index i1 on named (a);
create unique index i2 using btree on named (b desc, a asc) comment 'two' key_block_size = 4;
create fulltext index i3 on named (d);
create index i1 on named (b);
drop index i1 on named;
drop index i1 on named;
drop index `PRIMARY` on named;
alter table named add primary key (a, e);
drop index `PRIMARY` on named;
alter table named drop b;
alter table named drop e, drop column c;
create table prefixes (a varchar(10), b varbinary(10), c text, d blob, e char(5) charset latin1, key (a(10)), key (a(5)), key (b(10)), key (b(3)), key (c(7)), key (d(8)), key (e(5)), key (e(2)), primary key (a(4)));
alter table prefixes modify a varchar(4);
alter table prefixes modify c varchar(7), modify d varbinary(20);
alter table prefixes modify a varchar(3);
alter table prefixes modify b varbinary(2);
create table auto_keys (id int auto_increment primary key, a int unique, b int unique key, c int, d int key);
create table auto_keys (id int auto_increment primary key, a int unique, b int unique key, c serial);
create table auto_keys (id int auto_increment primary key, a int unique, b int unique key, a_2 int, unique (a), key (a_2));
create table serials (a serial, b int);
create table serials2 (b int, a bigint serial default value);
alter table auto_keys modify id bigint;
alter table auto_keys modify id bigint auto_increment;
alter table auto_keys modify a bigint unique;
alter table auto_keys change b bb int unique;
alter table auto_keys drop primary key, modify id int;
alter table auto_keys drop primary key, add primary key (a);
alter table auto_keys add id2 int auto_increment, drop primary key, add primary key (id2);
alter table auto_keys add id3 int auto_increment unique first;
create table no_key (a int, b int);
alter table no_key add id int auto_increment, add primary key (id);
alter table no_key add (x int, y int, index (x), unique z (y));
alter table no_key add column (u int primary key);
create table two_primary (a int primary key, b int primary key);
create table dup_column (a int, A int);
create table dup_key (a int, key k (a), key K (a));
create table key_of_nothing (a int, key (b));
create table key_twice (a int, key (a, a));

-- columns that move
create table moves (a int, b int, c int, d int);
alter table moves add e int first, add f int after a, add g int;
alter table moves modify a int first, modify b bigint after g, change c cc int first;
alter table moves add x int after y, add y int after a;
alter table moves add y int after a, add x int after y;
alter table moves modify a int after b, modify b int after a;
alter table moves modify x int after d, modify y int after x;
alter table moves modify x int after y, modify y int first;
alter table moves modify y int first, modify x int after y;
alter table moves modify x int after y, modify y int after g, modify g int first;
alter table moves change x xx int after yy, change y yy int first;
alter table moves change xx x int after y, change yy y int first;
alter table moves drop x, add x int first;
alter table moves rename column a to b, rename column b to a;
alter table moves change a b int, change b a bigint;
alter table moves rename column a to t, rename column b to a, rename column t to b;
alter table moves drop column nothing;
alter table moves add a int;
alter table moves modify nothing int;
alter table moves add z int after nothing;
alter table moves add column z int, add column z int;
alter table moves drop a, drop a;
alter table moves modify a int, modify a bigint;
alter table moves drop a, modify a int;
alter table moves drop a, add a date after b;
alter table moves drop b, drop cc, drop d, drop e, drop f, drop g, drop x, drop y, drop a;
alter table moves change d d int not null, alter d set default 5;
alter table moves rename column d to dd, alter dd set default 6;
alter table moves rename column dd to d, alter d set default 7;
alter table moves rename column f to ff, add key (ff);
alter table moves rename column ff to f, add key kf (f), drop key ff;
alter table moves rename to moved;
alter table moved rename moved2, add q int;
alter table moved2 rename as moves, drop q, comment 'back';
rename table moves to m1;
rename table m1 to moves, parent to p1, p1 to parent;
rename table moves to parent;
rename table moves to tmp, parent to moves, tmp to parent;
rename table moves to tmp, parent to moves, tmp to parent;
alter table moves rename to parent;
alter table parent rename to parent;

-- checks
create table checks (a int check (a > 0), b int, c int check (c <> 5), check (a < b), constraint named check (b in (1, 2, 3) or b is null));
alter table checks add check (b > a), add constraint n2 check (a + b > c);
alter table checks drop constraint named;
alter table checks drop constraint nothing;
alter table checks add d int check (d like 'x%'), modify b int check (b > 1);
alter table checks rename column d to dd;
alter table checks change b bb bigint;
alter table checks drop dd;
alter table checks drop c;
alter table checks drop constraint n2, drop c;
alter table checks add constraint n3 check (a = 1), add constraint n3 check (a = 2);

-- foreign keys
create table child (id int primary key, pid int, k varchar(20), a int, b int, foreign key (pid) references parent (id), constraint fk_k foreign key (k) references parent (k) on delete set null on update cascade, foreign key ix (a, b) references parent (a, b) on delete restrict on update no action);
alter table child add constraint fk2 foreign key (b) references parent (id), add foreign key (a) references parent (id) on delete cascade;
alter table child drop foreign key fk2;
alter table child drop foreign key nothing;
alter table child drop index pid;
alter table child add key pid2 (pid);
alter table child rename column pid to parent_id;
alter table child change k kk varchar(20);
alter table child drop parent_id;
alter table child drop foreign key child_ibfk_1, drop parent_id;
alter table child rename to kid;
alter table kid add foreign key (b) references parent (id);
rename table kid to child;
alter table child add self int, add foreign key (self) references child (id);
alter table child rename column id to cid;
create table child2 (a int, b int, key (a, b), foreign key (a) references parent (id), foreign key (b) references parent (id), key late (b, a));
alter table child2 drop foreign key child2_ibfk_1, drop foreign key child2_ibfk_2;
create table child3 (a int, constraint c3 foreign key (a) references parent (id), constraint c3 foreign key (a) references parent (id));
create table child4 (a int, b int unique, foreign key (b) references parent (id), unique key (a), foreign key (a) references parent (id));
create table child5 like child;
create table child6 (a int, constraint `FK.6` foreign key `IDX 6` (a) references `parent` (`id`) match simple on update set null on delete set null);
alter table parent rename column id to pid;
alter table parent rename column pid to id;
drop table child5, child6;
drop table child, child2, child3, child4;

-- partitions
create table p_range (a int, b date) partition by range (a) (partition p0 values less than (10) engine innodb, partition p1 values less than (20) comment 'second' engine=InnoDB, partition p2 values less than (30) engine = InnoDB max_rows = 5 min_rows = 1);
alter table p_range add partition (partition p3 values less than (40), partition p4 values less than maxvalue);
alter table p_range add partition (partition p5 values less than (50));
alter table p_range drop partition p0, p1;
alter table p_range drop partition nothing;
alter table p_range truncate partition p2;
alter table p_range reorganize partition p3, p4 into (partition p3 values less than (45), partition p9 values less than maxvalue);
alter table p_range reorganize partition nothing into (partition p3 values less than (45));
alter table p_range analyze partition p3;
alter table p_range rebuild partition p3, p9;
alter table p_range rename column a to aa;
alter table p_range drop aa;
alter table p_range drop partition p2, p3, p9;
alter table p_range remove partitioning;
alter table p_range add c int partition by hash (aa) partitions 4;
alter table p_range coalesce partition 1;
alter table p_range add partition partitions 3;
alter table p_range add partition (partition extra, partition extra2);
alter table p_range coalesce partition 8;
alter table p_range coalesce partition 7;
alter table p_range drop partition p0;
alter table p_range partition by key (aa, b) partitions 2;
alter table p_range partition by linear key () partitions 2;
alter table p_range partition by range columns (b, aa) (partition p0 values less than ('2020-01-01', 5), partition p1 values less than (maxvalue, maxvalue));
alter table p_range partition by list columns (aa) (partition p0 values in (1, 2), partition p1 values in (3, null));
alter table p_range partition by list (aa * 2) (partition p0 values in (2, 4), partition p1 values in (null, -1));
alter table p_range add partition (partition p2 values in (100, 200));
alter table p_range partition by range (to_days(b)) (partition p0 values less than (to_days('2020-01-01')), partition p1 values less than (738000));
alter table p_range partition by range (year(b)) subpartition by hash (to_days(b)) subpartitions 3 (partition p0 values less than (2000), partition p1 values less than maxvalue);
alter table p_range partition by range (aa) subpartition by key (aa) (partition p0 values less than (10) (subpartition s0, subpartition s1 comment 'sub'), partition p1 values less than maxvalue (subpartition s2, subpartition s3));
alter table p_range remove partitioning;
create table p_hash (id int primary key) engine = InnoDB partition by hash (id);
create table p_key (id int, k varchar(10), primary key (id, k)) partition by key (k) partitions 3;
create table p_list (id int) partition by list (id) (partition a values in (1), partition b values in (2, 3));
create table p_plain (id int);
alter table p_list exchange partition a with table p_plain;
alter table p_list exchange partition a with table p_plain without validation;
create table p_like like p_list;
alter table p_plain add partition (partition p1 values less than (5));
alter table p_hash check partition all, add c int;
alter table p_hash check partition all;
alter table p_hash check partition p0, p0;
drop table p_hash, p_key, p_list, p_plain, p_like, p_range;

-- options
create table options (a int) engine=InnoDB auto_increment=5 avg_row_length 10 default charset utf8mb4 collate=utf8mb4_bin checksum=1 comment 'x' delay_key_write=1, max_rows=10 min_rows 1 pack_keys=default row_format=dynamic stats_persistent=0 stats_auto_recalc default stats_sample_pages=5;
alter table options engine innodb row_format = compact, comment 'y' charset latin1;
alter table options character set = utf8mb4, collate = utf8mb4_unicode_ci;
alter table options default character set latin1 collate latin1_bin, add b varchar(5);
alter table options force;
alter table options engine = myisam, add c text;
alter table options order by a, b desc, add d int;
alter table options order by a desc, b;
alter table options disable keys;
alter table options enable keys, add e int, algorithm = default, lock = default;
alter table options add f int, algorithm=inplace, lock=none;
alter table options add f int, algorithm=copy, lock=shared;
alter table options add g int, algorithm copy;
alter table options algorithm=copy;
alter table options auto_increment = 100;
alter table options;
create table if not exists options (only_one int);
create table options (only_one int);
create table options_like like options;
create table if not exists options_like (like options);
create table nobody like nothing;
drop table if exists nobody;
drop table nobody;
drop table options_like, nobody;
truncate table options;
truncate options;
analyze table options;
drop table if exists options, options_like cascade;

-- databases
alter database character set latin1;
create table in_latin1 (a varchar(5), b text, c varchar(5) charset utf8mb4);
alter schema collate utf8mb4_bin;
create table in_utf8mb4 (a varchar(5), b text, c varchar(5) charset latin1);
alter table in_latin1 add d varchar(4);
alter table in_latin1 convert to character set default;
create table default_charset (a varchar(3) charset utf8mb4) charset default;
alter database default character set = utf8mb4 default collate = utf8mb4_general_ci;
create table like_latin1 like in_latin1;

-- mode: ANSI_QUOTES
create table "quoted" ("a" int default 5, "b ""c" varchar(5) default 'x', key "k" ("a"));
alter table "quoted" add "d" int as ("a" + 1), rename column "b ""c" to "b";
alter table "quoted" add e varchar(3) default "x";
drop table "quoted";
-- mode: NO_BACKSLASH_ESCAPES
create table raw_backslash (a varchar(9) default 'a\b' comment 'c\d', b enum('x\','y'), c char(3) default '\');
alter table raw_backslash comment 'a\', add d int comment 'it''s \n';
drop table raw_backslash;
-- mode: REAL_AS_FLOAT
create table real_as_float (a real, b real(7,3), c double);
drop table real_as_float;
-- mode: PIPES_AS_CONCAT
create table pipes (a varchar(3), b varchar(9) as (a || 'x') virtual, c varchar(9) default ('p' || 'q'));
alter table pipes rename column a to aa;
drop table pipes;
-- mode: HIGH_NOT_PRECEDENCE
create table high_not (a int, b int as (not a between 1 and 2) virtual);
alter table high_not rename column a to aa;
drop table high_not;
-- mode: IGNORE_SPACE
create table ignore_space (a int default (abs (-1)), b datetime default now (), c int as (if (a > 1, 2, 3)) virtual);
drop table ignore_space;
-- mode: ANSI
create table "ansi" ("a" varchar(3) default 'x' || 'y', "r" real);
create table "ansi" ("a" varchar(3), "r" real);
drop table "ansi";
-- mode:
create table expressions (a int, b varchar(20), c datetime, d json, check (a + 1 > 2 and b like 'x%' or not a = 3), check (b in ('a', 'b') and a between 1 and 2), check (a is not null xor a is null),
  check (case when a > 1 then 1 else 0 end = 1), check (cast(a as char(5)) <> '7'), check (b regexp '^a'), check (c > '2020-01-01' - interval 1 day), check (a div 2 = 1 or a mod 2 = 0 or a % 3 = 1), check (json_extract(d, '$.a') = 1),
  check (concat(b, 'x', _latin1'y') <> b collate utf8mb4_bin), check (a <=> 5), check (-a < - -5), check (a & 1 | 2 ^ 3 << 1 > ~a), check (substring(b, 1, 2) = trim(both 'x' from b)), check (extract(year from c) > 2000), check (date_add(c, interval '1:1' minute_second) > c),
  check (binary b = 'x'), check (convert(b using latin1) = 'x'), check (coalesce(a, 1) = ifnull(a, 2)), check ((a, b) = (1, 'x')), check (!(a = 1)), check (timestampdiff(day, c, '2020-01-01') > 1), check (position('x' in b) > 0), check (left(b, 1) = right(b, 1)), check (a = 0x10 or b = b'01' or a = 1e3 or a = .5));
alter table expressions rename column a to a1, rename column b to b1, rename column c to c1, rename column d to d1;
drop table expressions;

-- members of ENUM and SET with characters outside ASCII
create table members_utf8mb4 (a enum('é','x','ж'), b set('é','x','ж') default 'x', c enum('a','好') not null, d set('née','été') comment 'é', key (a)) charset utf8mb4;
alter table members_utf8mb4 convert to character set utf8mb3;
alter table members_utf8mb4 convert to character set latin1;
alter table members_utf8mb4 convert to character set utf8mb4;
alter table members_utf8mb4 convert to character set gbk;
alter table members_utf8mb4 convert to character set latin1 collate latin1_bin;
alter table members_utf8mb4 convert to character set cp1251;
create table members_latin1 (a enum('é','n','né'), b set('fée','été','né'), c enum('ж','é'), d set('a','b') default 'a,b') charset latin1;
create table members_like like members_latin1;
alter table members_latin1 convert to character set utf8mb4;
alter table members_like modify a enum('é','ж'), add e set('ж','好'), convert to character set utf8mb4;
alter table members_like modify c enum('é','ж') charset cp1251, modify b set('ж') charset latin1;
alter table members_like convert to character set latin1;
alter table members_like modify c enum('é','ж'), change e f set('ж','好'), add g enum('ж'), convert to character set latin1;
create table members_gbk (a enum('é','x','ж'), b set('好','é')) charset gbk;
alter table members_gbk convert to character set utf8mb4;
create table members_gbk2 (a enum('é','x','ж'), b set('好','é')) charset gbk;
alter table members_gbk2 convert to character set utf16;
create table members_utf16 (a enum('é','x','ж'), b set('好','é')) charset utf16;
alter table members_utf16 convert to character set utf8mb4;
create table members_utf16b (a enum('é','x','ж'), b set('好','é')) charset utf16;
alter table members_utf16b convert to character set latin1;
create table members_to_utf16 (a enum('é','x','ж'), b set('ab','c')) charset utf8mb4;
alter table members_to_utf16 convert to character set utf16;
create table members_to_binary (a enum('é','x','ж'), b set('好','é')) charset utf8mb4;
alter table members_to_binary convert to character set binary;
alter table members_to_binary convert to character set latin1;
create table members_to_ascii (a enum('é','x','ж'), b set('好','é')) charset latin1;
alter table members_to_ascii convert to character set ascii;
