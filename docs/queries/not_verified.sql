-- Runs whose rows were not proven to be the same at source and target, with the reason.
SELECT
  `table`,
  run_id,
  `at`,
  kind,
  JSON_VALUE(receipt, '$.verdict') AS verdict,
  JSON_VALUE(receipt, '$.reason') AS reason
FROM events
WHERE receipt <> '' AND JSON_VALUE(receipt, '$.verdict') <> 'verified'
ORDER BY `at` DESC
