-- schemas: online_ddl=online_target
-- full
CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20));
CREATE TABLE u (id INT PRIMARY KEY, a INT, b VARCHAR(20), KEY (b));
INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y');
INSERT INTO u VALUES (1, 1, 'x'), (2, 2, 'y');
-- live
create /* gh-ost */ table `online_ddl`.`_t_ghc` (id bigint auto_increment primary key, hint varchar(64) charset ascii not null, value varchar(4096) charset ascii not null, unique key hint_uidx(hint)) auto_increment=256;
create /* gh-ost */ table `online_ddl`.`_t_gho` like `online_ddl`.`t`;
alter /* gh-ost */ table `online_ddl`.`_t_gho` add column gh int default 5, add index igh (gh), drop column b;
insert /* gh-ost */ into `online_ddl`.`_t_ghc` (id, hint, value) values (2, 'state', 'GhostTableMigrated');
INSERT INTO t VALUES (3, 3, 'z');
insert /* gh-ost */ ignore into `online_ddl`.`_t_gho` (id, a) (select id, a from `online_ddl`.`t`);
UPDATE t SET a = 30 WHERE id = 3;
replace /* gh-ost */ into `online_ddl`.`_t_gho` (id, a) values (3, 30);
rename /* gh-ost */ table `online_ddl`.`t` to `online_ddl`.`_t_del`, `online_ddl`.`_t_gho` to `online_ddl`.`t`;
INSERT INTO t VALUES (4, 4, 6);
drop /* gh-ost */ table if exists `online_ddl`.`_t_ghc`, `online_ddl`.`_t_del`;
-- live
CREATE TABLE `online_ddl`.`_u_new` (id INT PRIMARY KEY, a INT, b VARCHAR(20), KEY (b));
ALTER TABLE `online_ddl`.`_u_new` MODIFY b VARCHAR(40) DEFAULT 'b', ADD COLUMN c INT AFTER id, ADD COLUMN d INT, DROP INDEX b, ADD UNIQUE INDEX ub (b, a);
INSERT LOW_PRIORITY IGNORE INTO `online_ddl`.`_u_new` (`id`, `a`, `b`) SELECT `id`, `a`, `b` FROM `online_ddl`.`u`;
ANALYZE TABLE `online_ddl`.`_u_new`;
RENAME TABLE `online_ddl`.`u` TO `online_ddl`.`_u_old`, `online_ddl`.`_u_new` TO `online_ddl`.`u`;
DROP TABLE IF EXISTS `online_ddl`.`_u_old`;
INSERT INTO u (id, a, b, c, d) VALUES (3, 3, 'a text that is longer than twenty', 4, 5);
ALTER TABLE u ADD COLUMN plain INT;
INSERT INTO u (id, a, plain) VALUES (4, 4, 6);
