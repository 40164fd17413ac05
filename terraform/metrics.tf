# Numbers out of log lines. Messages and fields are those of shared/; tests/terraform looks each up
# in the code.

locals {
  services       = join(" OR ", [for f in module.catalog.functions : "\"${f.name}\""])
  functions_logs = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${local.services})"
  quarantines    = "jsonPayload.error=(\"CheckFailedError\" OR \"InvalidFileError\" OR \"IntegrityError\" OR \"MismatchError\" OR \"QuarantineError\")"
  guard          = "jsonPayload.error=\"EmptySourceError\""

  counters = {
    dead_letters     = { line = "dead letter", where = null, labels = ["table", "topic"] }
    failed_runs      = { line = "gave up", where = "NOT ${local.quarantines} AND NOT ${local.guard}", labels = ["step", "table", "error"] }
    quarantined_runs = { line = "gave up", where = local.quarantines, labels = ["table", "error"] }
    guarded_runs     = { line = "gave up", where = local.guard, labels = ["table"] }
    mismatches       = { line = "receipt does not match", where = null, labels = ["table"] }
    stuck_runs       = { line = "stuck run given up", where = null, labels = ["table"] }
    stale_tables     = { line = "table is stale", where = null, labels = ["table"] }
    lost_events      = { line = "dropped file that no event told of, announced again", where = null, labels = [] }
    sweeps           = { line = "swept", where = null, labels = [] }
    sweep_problems   = { line = "could not be looked after", where = null, labels = [] }
    unforeseen       = { line = "unforeseen failure, will be redelivered", where = null, labels = ["step"] }
    redeliveries     = { line = "will be redelivered", where = null, labels = ["step", "error"] }
    steps            = { line = "step ended", where = null, labels = ["step", "table", "state"] }
  }

  distributions = {
    pickup_s         = { line = "file picked up", field = "wait_s", labels = ["table"] }
    sweep_duration_s = { line = "swept", field = "duration_s", labels = [] }
  }
}

resource "google_logging_metric" "counter" {
  for_each = local.counters

  name        = "${var.prefix}/${each.key}"
  description = "Log lines \"${each.value.line}\"."
  filter      = join(" AND ", compact([local.functions_logs, "jsonPayload.message=\"${each.value.line}\"", each.value.where]))

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }

  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  depends_on = [google_project_service.this]
}

resource "google_logging_metric" "distribution" {
  for_each = local.distributions

  name            = "${var.prefix}/${each.key}"
  description     = "Seconds, field ${each.value.field} of log lines \"${each.value.line}\"."
  filter          = join(" AND ", [local.functions_logs, "jsonPayload.message=\"${each.value.line}\""])
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }

  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  bucket_options {
    explicit_buckets {
      bounds = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800]
    }
  }

  depends_on = [google_project_service.this]
}

# An alert on a metric that was made a moment ago is refused: "Cannot find metric".
resource "time_sleep" "metrics" {
  create_duration = "60s"

  depends_on = [google_logging_metric.counter, google_logging_metric.distribution]
}
