-- The configuration that a run of a table was made with: its generation is in the run's event.
SELECT
  runs.`table`,
  runs.run_id,
  runs.`at`,
  written.`by` AS configured_by,
  written.`at` AS configured_at,
  written.detail AS configuration
FROM events AS runs
LEFT JOIN events AS written
  ON written.`table` = runs.`table`
  AND written.event_id = CONCAT('config/', JSON_VALUE(runs.detail, '$.config_generation'))
WHERE runs.kind = 'run.committed'
ORDER BY runs.`at` DESC
