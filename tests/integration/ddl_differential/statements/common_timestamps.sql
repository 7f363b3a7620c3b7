-- TIMESTAMP columns whose default and NOT NULL the statement does not say. (What servers make of a column without a default
-- that a statement does not name is another thing in each of them, and in MySQL for SHOW CREATE TABLE and information_schema.)
-- explicit: off
create table implicit1 (a timestamp, b timestamp, c timestamp(3), d timestamp null, e timestamp not null, f timestamp default 0, g timestamp(6) default now(6), h timestamp on update now(), i timestamp null default null);
create table implicit2 (a timestamp(3), b timestamp(3));
create table implicit3 (a timestamp null, b timestamp(3));
create table implicit4 (a timestamp(3) default '2020-01-01 00:00:00', b timestamp(3));
create table implicit5 (a timestamp(3) on update now(3), b timestamp(3) not null);
create table implicit6 (a timestamp(6) not null, b timestamp(6) not null default now(6) on update now(6));
create table implicit7 (a datetime(3), b timestamp(0), c timestamp default null);
create table implicit8 (a datetime(3), b timestamp(0), c timestamp(1));
create table implicit9 (id int, a timestamp(3) primary key, b timestamp(2));
create table implicit10 (a timestamp(3) not null default current_timestamp(3), b timestamp(4));
create table implicit11 (a timestamp(3) not null comment 'x', b timestamp(6) unique);
create table implicit12 (a timestamp(3) default null);
create table implicit13 (a timestamp(3) not null on update current_timestamp(3), b timestamp null on update now());
create table implicit14 (a int, b timestamp(3) as (now(3)));
create table implicit_like1 like implicit1;
create table implicit_like2 like implicit2;
alter table implicit2 add c timestamp(3) first, add d timestamp, add e timestamp not null;
alter table implicit3 modify a timestamp, modify b timestamp(6);
alter table implicit4 change a z timestamp(3), add y timestamp(3) null first;
alter table implicit5 alter b drop default;
alter table implicit5 alter a set default '2020-01-01 00:00:00.5';
alter table implicit6 drop a;
create table implicit20 (id int);
alter table implicit20 add t timestamp(3);
alter table implicit20 add u timestamp(3) first;
alter table implicit20 modify t timestamp(3);
alter table implicit20 modify u timestamp(2);
alter table implicit20 drop u, modify t timestamp(4);
create table implicit21 (id int);
alter table implicit21 add (t timestamp(3), u timestamp(2) not null);
alter table implicit21 modify u timestamp(2) first, modify t timestamp(3) after u;
alter table implicit21 change t t2 timestamp(3) first;
alter table implicit21 add v timestamp(6), rename to implicit22;
alter table implicit1 drop a;
alter table implicit1 add aa timestamp(3) after b, modify c timestamp(3);
-- explicit: on
create table explicit1 (a timestamp(3) not null, b timestamp(3), c timestamp not null);
create table explicit2 (a timestamp(3), b timestamp(3) not null, c timestamp(3) not null default '2020-01-01 00:00:00');
create table explicit3 (id int, a timestamp(3) not null);
create table explicit_like like explicit1;
create table explicit_like2 like implicit1;
alter table implicit_like2 modify a timestamp(3), add c timestamp(3), add d timestamp(3) not null;
alter table implicit_like1 alter b drop default;
-- explicit: off
create table explicit_like3 like explicit1;
alter table explicit2 add x int;
alter table explicit1 modify a timestamp(3) not null, add d timestamp(3), modify c timestamp;
alter table explicit_like3 add e timestamp(3) not null first, modify a timestamp(3) null;
alter table explicit3 add b timestamp(3), drop a;
-- explicit: on
