# One page for a first look.

locals {
  charts = [
    { title = "Steps that ended, by state", filter = local.metric.steps, aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", by = ["metric.label.state"] },
    { title = "Runs that failed or were refused, by table", filter = local.metric.failed_runs, aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", by = ["metric.label.table"] },
    { title = "Stale tables", filter = local.metric.stale_tables, aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", by = ["metric.label.table"] },
    { title = "Dead letters, by table", filter = local.metric.dead_letters, aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", by = ["metric.label.table"] },
    { title = "Redeliveries, by reason", filter = local.metric.redeliveries, aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", by = ["metric.label.error"] },
    { title = "Seconds from drop to pick-up, 95th percentile", filter = local.metric.pickup_s, aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_95", by = [] },
    { title = "Age of the oldest message, by subscription", filter = "${local.subscription}=starts_with(\"${var.prefix}-\") AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.subscription_id"] },
    { title = "Instances, by function", filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=starts_with(\"${var.prefix}-\") AND metric.type=\"run.googleapis.com/container/instance_count\"", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Memory, 99th percentile, by function", filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=starts_with(\"${var.prefix}-\") AND metric.type=\"run.googleapis.com/container/memory/utilizations\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", by = ["resource.label.service_name"] },
  ]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "Sluice ${var.environment}"
    mosaicLayout = {
      columns = 12
      tiles = concat(
        [{
          xPos   = 0, yPos = 0, width = 12, height = 2
          widget = { title = "Where to look", text = { format = "MARKDOWN", content = "`sluice runs` says what failed and why; [the runbook](${var.repository_url}/blob/main/docs/runbook.md) says what to do." } }
        }],
        [for i, c in local.charts : {
          xPos = 4 * (i % 3), yPos = 2 + 4 * floor(i / 3), width = 4, height = 4
          widget = {
            title = c.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = c.filter
                    aggregation = {
                      alignmentPeriod    = "300s"
                      perSeriesAligner   = c.aligner
                      crossSeriesReducer = c.reducer
                      groupByFields      = c.by
                    }
                  }
                }
              }]
            }
          }
        }],
      )
    }
  })

  depends_on = [time_sleep.metrics]
}
