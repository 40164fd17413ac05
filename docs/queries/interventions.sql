-- What people did: replays, rewinds, backfills, dropped messages, changed tables, deployments.
SELECT
  `at`,
  `by`,
  `table`,
  kind,
  action,
  run_id,
  why
FROM events
WHERE kind NOT LIKE 'run.%' AND kind <> 'sweep.ended'
  OR kind = 'run.replayed'
  OR action IN ('rewind', 'backfill')
  OR JSON_VALUE(detail, '$.allow_empty') = 'true'
ORDER BY `at` DESC
