-- When each table was last loaded, and how long ago that is.
SELECT
  `table`,
  MAX(`at`) AS last_commit_at,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(`at`), MINUTE) AS minutes_ago
FROM events
WHERE kind = 'run.committed'
GROUP BY 1
ORDER BY 2
