.bail on
PRAGMA journal_mode = off;
PRAGMA synchronous = off;
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, s TEXT, r REAL);
WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 150000)
  INSERT INTO t SELECT i, (i * 7919) % 100003, 'row ' || i || ' ' || hex(i * 2654435761), i * 0.37 FROM numbers;
CREATE INDEX tk ON t(k);
CREATE INDEX ts ON t(s);
SELECT count(*), sum(r) FROM t WHERE k BETWEEN 1000 AND 50000;
SELECT count(*) FROM t a JOIN t b ON b.k = (a.k * 3) % 100003 WHERE a.id <= 60000;
SELECT k % 97 g, count(*), avg(r), max(s) FROM t GROUP BY g ORDER BY 2 DESC, 1 LIMIT 3;
UPDATE t SET r = r * 1.01, s = upper(s) || 'x' WHERE k % 3 = 0;
DELETE FROM t WHERE k % 5 = 0;
SELECT count(*), sum(length(s)) FROM t WHERE s LIKE '%77%';
