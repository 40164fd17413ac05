# What happened, where nobody can change it: the functions' events and, through Cloud Logging, their
# log lines, in a bucket with a retention policy, and readable with SQL.

locals {
  # Source: Cloud Logging, "Route logs to supported destinations", writer identities.
  logging_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-logging.iam.gserviceaccount.com"
}

resource "google_storage_bucket" "audit" {
  name                        = module.catalog.buckets.audit
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection # which a retention policy refuses all the same
  deletion_policy             = local.deletion_policy

  dynamic "retention_policy" {
    for_each = var.audit.retention_days > 0 ? [var.audit.retention_days * 86400] : []
    content {
      retention_period = tostring(retention_policy.value)
      is_locked        = var.audit.is_locked
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  dynamic "lifecycle_rule" {
    for_each = { for class, days in local.colder : class => days if days < var.audit.retention_days }
    content {
      action {
        type          = "SetStorageClass"
        storage_class = lifecycle_rule.key
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = max(30, var.audit.retention_days + 1)
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

resource "google_logging_project_sink" "audit" {
  name                   = "${var.prefix}-audit"
  description            = "Log lines of the functions, and who read or changed the project's rights and secrets."
  destination            = "storage.googleapis.com/${google_storage_bucket.audit.name}"
  unique_writer_identity = true
  filter = join(" OR ", [
    "(${local.functions_logs} AND jsonPayload.logger:\"shared.\")",
    "(logName:\"cloudaudit.googleapis.com\" AND protoPayload.serviceName=(\"iam.googleapis.com\" OR \"secretmanager.googleapis.com\" OR \"cloudresourcemanager.googleapis.com\"))",
  ])
}

resource "google_storage_bucket_iam_member" "audit_writer" {
  bucket = google_storage_bucket.audit.name
  role   = "roles/storage.objectCreator"
  member = local.logging_agent

  depends_on = [google_logging_project_sink.audit] # the agent is made with the first sink
}

# Reading a secret is logged only where that is asked for.
resource "google_project_iam_audit_config" "secrets" {
  project = var.project
  service = "secretmanager.googleapis.com"

  audit_log_config {
    log_type = "DATA_READ"
  }

  audit_log_config {
    log_type = "DATA_WRITE"
  }
}

resource "google_bigquery_dataset" "audit" {
  dataset_id      = "${replace(var.prefix, "-", "_")}_audit"
  location        = coalesce(var.bigquery.location, var.region)
  description     = "SQL over the audit bucket; it holds no data itself."
  deletion_policy = "DELETE"

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

resource "google_bigquery_table" "audit" {
  dataset_id          = google_bigquery_dataset.audit.dataset_id
  table_id            = "log_lines"
  description         = "One row per log line of a function: what each attempt at each step of each run did."
  deletion_protection = false # only a view of the bucket

  external_data_configuration {
    autodetect            = false
    source_format         = "NEWLINE_DELIMITED_JSON"
    source_uris           = ["gs://${google_storage_bucket.audit.name}/run.googleapis.com/stderr/*"]
    ignore_unknown_values = true

    schema = jsonencode([
      { name = "timestamp", type = "TIMESTAMP", mode = "NULLABLE" },
      { name = "severity", type = "STRING", mode = "NULLABLE" },
      { name = "jsonPayload", type = "RECORD", mode = "NULLABLE", fields = [
        for field in ["message", "logger", "step", "table", "run_id", "attempt_id", "message_id", "state", "error", "why"] : { name = field, type = "STRING", mode = "NULLABLE" }
      ] },
    ])
  }
}

# One row per event; docs/audit.md has queries. receipt and detail are JSON as text.
resource "google_bigquery_table" "events" {
  dataset_id          = google_bigquery_dataset.audit.dataset_id
  table_id            = "events"
  description         = "One row per event of the audit log: runs, configurations, replays, sweeps, deployments, and who did it."
  deletion_protection = false # only a view of the bucket

  external_data_configuration {
    autodetect            = false
    source_format         = "NEWLINE_DELIMITED_JSON"
    source_uris           = ["gs://${google_storage_bucket.audit.name}/chains/*"]
    ignore_unknown_values = true

    schema = jsonencode([
      { name = "table", type = "STRING", mode = "NULLABLE" },
      { name = "event_id", type = "STRING", mode = "NULLABLE" },
      { name = "kind", type = "STRING", mode = "NULLABLE" },
      { name = "at", type = "TIMESTAMP", mode = "NULLABLE" },
      { name = "by", type = "STRING", mode = "NULLABLE" },
      { name = "run_id", type = "STRING", mode = "NULLABLE" },
      { name = "action", type = "STRING", mode = "NULLABLE" },
      { name = "why", type = "STRING", mode = "NULLABLE" },
      { name = "receipt", type = "STRING", mode = "NULLABLE" },
      { name = "detail", type = "STRING", mode = "NULLABLE" },
      { name = "version", type = "INTEGER", mode = "NULLABLE" },
      { name = "sequence", type = "INTEGER", mode = "NULLABLE" },
      { name = "previous", type = "STRING", mode = "NULLABLE" },
      { name = "previous_at", type = "TIMESTAMP", mode = "NULLABLE" },
    ])
  }
}
