-- What was loaded, by table and day.
SELECT
  `table`,
  DATE(`at`) AS day,
  COUNT(*) AS runs,
  SUM(CAST(JSON_VALUE(receipt, '$.rows_loaded') AS INT64)) AS rows_loaded,
  SUM(CAST(JSON_VALUE(receipt, '$.rows_rejected') AS INT64)) AS rows_rejected
FROM events
WHERE kind = 'run.committed'
GROUP BY 1, 2
ORDER BY 1, 2
