# The zones: where data lands, is staged, is kept and is set aside. What a function may do in each is
# in modules/catalog/storage.tf.

locals {
  zones = {
    landing    = { versions = false, days = var.retention_days.landing, below = [] }
    raw        = { versions = false, days = var.retention_days.raw, below = [] }
    staging    = { versions = false, days = var.retention_days.staging, below = ["parts/", "units/", "plans/", "unloaded/"] }
    quarantine = { versions = false, days = var.retention_days.quarantine, below = [] }
    state      = { versions = true, days = var.retention_days.ledger, below = ["ledger/runs/", "ledger/replays/", "ledger/requests/"] }
    config     = { versions = true, days = null, below = [] }
    source     = { versions = true, days = null, below = [] }
  }
  colder = { NEARLINE = 30, COLDLINE = 90, ARCHIVE = 365 }
}

resource "google_storage_bucket" "zone" {
  for_each = local.zones

  name                        = module.catalog.buckets[each.key]
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  deletion_policy             = each.key == "source" ? "DELETE" : local.deletion_policy

  # A replaced record or configuration stays for a while. All other names are written once.
  versioning {
    enabled = each.value.versions
  }

  soft_delete_policy {
    retention_duration_seconds = var.retention_days.deleted * 86400
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.days[*]
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = each.value.below
        with_state     = "LIVE"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.versions ? [7] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = each.key == "source" ? 90 : lifecycle_rule.value
        # Configurations and archives are small, and the last ones are what a rollback needs.
        num_newer_versions = each.key == "state" ? null : 10
        with_state         = "ARCHIVED"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.key == "raw" ? { for class, days in local.colder : class => days if days < var.retention_days.raw } : {}
    content {
      action {
        type          = "SetStorageClass"
        storage_class = lifecycle_rule.key
      }
      condition {
        age        = lifecycle_rule.value
        with_state = "LIVE"
      }
    }
  }

  # What an upload that broke off has left.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

locals {
  bucket_names = merge({ for zone, bucket in google_storage_bucket.zone : zone => bucket.name }, { audit = google_storage_bucket.audit.name })
}

resource "google_storage_bucket_iam_member" "function" {
  for_each = module.catalog.bucket_grants

  bucket = local.bucket_names[each.value.zone]
  role   = each.value.role
  member = google_service_account.function[each.value.function].member

  dynamic "condition" {
    for_each = each.value.condition[*]
    content {
      title       = "only ${join(" ", each.value.below)}"
      description = each.value.why
      expression  = condition.value
    }
  }
}

# Snowflake creates, looks at and removes files of its own, and asks for the bucket itself.
resource "google_storage_bucket_iam_member" "snowflake_unloads" {
  count = var.snowflake_writer == null ? 0 : 1

  bucket = local.bucket_names["staging"]
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${var.snowflake_writer}"

  condition {
    title       = "only unloaded/"
    description = "files that a table of strategy unload is written into"
    expression  = "resource.name.startsWith(\"projects/_/buckets/${local.bucket_names["staging"]}/objects/unloaded/\")"
  }
}

resource "google_storage_bucket_iam_member" "snowflake_lists" {
  count = var.snowflake_writer == null ? 0 : 1

  bucket = local.bucket_names["staging"]
  role   = "roles/storage.legacyBucketReader"
  member = "serviceAccount:${var.snowflake_writer}"
}
