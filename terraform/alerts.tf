# What people are woken for. Each alert leads to its heading in docs/runbook.md.

locals {
  channels = concat(values(google_monitoring_notification_channel.email)[*].name, var.alerts.channels)

  metric       = { for name in keys(merge(local.counters, local.distributions)) : name => "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${var.prefix}/${name}\"" }
  subscription = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id"
  requests     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${var.prefix}-(${join("|", keys(module.catalog.functions))})\") AND metric.type=\"run.googleapis.com/request_count\""

  # Alerts that count log lines: one is enough.
  line_alerts = {
    dead_letters     = { title = "A message failed as often as allowed", severity = "ERROR", by = ["table"], heading = "dead-letters-wait" }
    failed_runs      = { title = "A run failed for good", severity = "ERROR", by = ["table", "error"], heading = "errors" }
    quarantined_runs = { title = "A file was refused", severity = "WARNING", by = ["table", "error"], heading = "quarantine" }
    guarded_runs     = { title = "The guard stopped a load", severity = "ERROR", by = ["table"], heading = "the-guard-stopped-a-load" }
    mismatches       = { title = "A published run does not match its source", severity = "CRITICAL", by = ["table"], heading = "a-receipt-does-not-match" }
    stuck_runs       = { title = "A stuck run was given up", severity = "ERROR", by = ["table"], heading = "a-stuck-run" }
    stale_tables     = { title = "A table is stale", severity = "WARNING", by = ["table"], heading = "a-stale-table" }
    lost_events      = { title = "A lost event was found", severity = "WARNING", by = [], heading = "a-lost-event-was-found" }
    sweep_problems   = { title = "The sweep has problems", severity = "WARNING", by = [], heading = "the-sweep-has-problems" }
    unforeseen       = { title = "A failure that nobody foresaw", severity = "ERROR", by = ["step"], heading = "retryableerror" }
  }
  runbook = { for key, heading in merge({ for k, a in local.line_alerts : k => a.heading }, {
    dead_letter_depth = "dead-letters-wait"
    no_sweep          = "the-sweep-has-problems"
    error_rate        = "many-requests-fail"
    backlog           = "messages-wait"
    slow_pickup       = "slow-pick-up"
  }) : key => "${var.repository_url}/blob/main/docs/runbook.md#${heading}" }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alerts.emails)

  display_name = "Sluice ${var.environment}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "line" {
  for_each = local.line_alerts

  display_name          = "${var.prefix}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = local.metric[each.key]
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "600s" # two sweeps, so that a stale table stays one incident
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = [for label in each.value.by : "metric.label.${label}"]
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    content   = "${each.value.title}. Log lines: `jsonPayload.message=\"${local.counters[each.key].line}\"`."
    mime_type = "text/markdown"
    links {
      display_name = "Runbook"
      url          = local.runbook[each.key]
    }
  }

  depends_on = [time_sleep.metrics]
}

resource "google_monitoring_alert_policy" "dead_letter_depth" {
  display_name          = "${var.prefix}: Dead letters are not taken in"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels

  conditions {
    display_name = "The sweep takes in no dead letters"

    condition_threshold {
      filter          = "${local.subscription}=\"${module.catalog.subscriptions["dead-letter"].name}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "900s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content   = "Dead letters have waited for 15 minutes: the sweep function fails."
    mime_type = "text/markdown"
    links {
      display_name = "Runbook"
      url          = local.runbook.dead_letter_depth
    }
  }
}

resource "google_monitoring_alert_policy" "no_sweep" {
  display_name          = "${var.prefix}: There was no sweep"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels

  conditions {
    display_name = "No sweep for 20 minutes"

    condition_absent {
      filter   = local.metric.sweeps
      duration = "1200s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "A sweep is due every five minutes. Without it lost events and stuck runs wait, and nobody is told of stale tables."
    mime_type = "text/markdown"
    links {
      display_name = "Runbook"
      url          = local.runbook.no_sweep
    }
  }

  depends_on = [time_sleep.metrics]
}

resource "google_monitoring_alert_policy" "error_rate" {
  display_name          = "${var.prefix}: Many requests fail"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "More than ${var.alerts.error_rate_percent} % of requests answered with 5xx"

    condition_threshold {
      filter             = "${local.requests} AND metric.labels.response_code_class=\"5xx\""
      denominator_filter = local.requests
      comparison         = "COMPARISON_GT"
      threshold_value    = var.alerts.error_rate_percent / 100
      duration           = "600s"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }

      denominator_aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    content   = "Each failed request is redelivered, up to five times. The reason is in the log lines `will be redelivered` and `unforeseen failure, will be redelivered`."
    mime_type = "text/markdown"
    links {
      display_name = "Runbook"
      url          = local.runbook.error_rate
    }
  }
}

resource "google_monitoring_alert_policy" "backlog" {
  display_name          = "${var.prefix}: Messages wait"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "The oldest message is older than ${var.alerts.backlog_s} s"

    condition_threshold {
      filter          = "${local.subscription}=monitoring.regex.full_match(\"${var.prefix}-(${join("|", keys(module.catalog.functions))})\") AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alerts.backlog_s
      duration        = "300s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.label.subscription_id"]
      }
    }
  }

  documentation {
    content   = "A subscription's oldest message has not been acknowledged: the function cannot keep up, or cannot be called."
    mime_type = "text/markdown"
    links {
      display_name = "Runbook"
      url          = local.runbook.backlog
    }
  }
}

resource "google_monitoring_alert_policy" "slow_pickup" {
  display_name          = "${var.prefix}: Dropped files wait"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "One file in twenty waited more than ${var.alerts.pickup_s} s"

    condition_threshold {
      filter          = local.metric.pickup_s
      comparison      = "COMPARISON_GT"
      threshold_value = var.alerts.pickup_s
      duration        = "0s"

      aggregations {
        alignment_period     = "900s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_95"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    content   = "From the drop of a file to the start of its reading. The log line is `file picked up`."
    mime_type = "text/markdown"
    links {
      display_name = "Runbook"
      url          = local.runbook.slow_pickup
    }
  }

  depends_on = [time_sleep.metrics]
}
