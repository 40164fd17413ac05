-- Runs that committed although source, staged and loaded rows differ: there must be none.
SELECT
  `table`,
  run_id,
  `at`,
  JSON_VALUE(receipt, '$.rows_source') AS rows_source,
  JSON_VALUE(receipt, '$.rows_staged') AS rows_staged,
  JSON_VALUE(receipt, '$.rows_rejected') AS rows_rejected,
  JSON_VALUE(receipt, '$.rows_loaded') AS rows_loaded
FROM events
WHERE kind = 'run.committed'
  AND (
    CAST(JSON_VALUE(receipt, '$.rows_source') AS INT64)
      <> CAST(JSON_VALUE(receipt, '$.rows_staged') AS INT64) + CAST(JSON_VALUE(receipt, '$.rows_rejected') AS INT64)
    OR CAST(JSON_VALUE(receipt, '$.rows_staged') AS INT64) <> CAST(JSON_VALUE(receipt, '$.rows_loaded') AS INT64)
  )
ORDER BY `at`
