-- Why runs did not commit, the most frequent first.
SELECT
  `table`,
  kind,
  SPLIT(why, ':')[OFFSET(0)] AS error,
  COUNT(*) AS times,
  MAX(`at`) AS last_at
FROM events
WHERE kind IN ('run.failed', 'run.quarantined', 'run.superseded')
GROUP BY 1, 2, 3
ORDER BY times DESC, last_at DESC
