-- language: SQL (SQLite)
-- package: sqlite3
-- needs: sqlite3
-- run: sqlite3 -init sqlite.sql data.db .exit
-- limits: memory=256m processes=20 cpu=20s wall=30s
.mode list
.separator " "
SELECT 'hello, world';
CREATE TABLE number (n INTEGER PRIMARY KEY);
INSERT INTO number WITH RECURSIVE next(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM next WHERE n < 99999) SELECT n FROM next;
DELETE FROM number WHERE EXISTS (SELECT 1 FROM (WITH RECURSIVE d(k) AS (SELECT 2 UNION ALL SELECT k + 1 FROM d WHERE k < 316) SELECT k FROM d) WHERE k * k <= n AND n % k = 0);
SELECT count(*), sum(n) FROM number;
CREATE TABLE small AS WITH RECURSIVE next(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM next WHERE n < 1000) SELECT n FROM next;
SELECT sum(n) FROM small;
