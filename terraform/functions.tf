# The functions: an archive, an image that is built of it, a service that only Pub/Sub may call.

locals {
  dist     = { for name in keys(module.catalog.functions) : name => "${var.dist_dir}/${name}.zip" }
  archives = var.archives != null ? var.archives : { for name, path in local.dist : name => { path = path, sha256 = fileexists(path) ? filesha256(path) : "" } }
}

# Addresses that are known before the functions are there, so that each can be told its own: what tokens
# for it must be made for. Source: Cloud Run, "Deterministic URL".
locals {
  addresses   = { for key, f in module.catalog.functions : key => "https://${f.name}-${data.google_project.this.number}.${var.region}.run.app" }
  api_address = local.addresses.api
  api_variables = {
    SLUICE_API_AUDIENCE = coalesce(var.api.audience, local.api_address)
    SLUICE_API_ORIGINS  = join(" ", var.api.origins)
    SLUICE_RUNBOOK_URL  = "${var.repository_url}/blob/main/docs/runbook.md"
  }
}

# What only the others read: who pushes to them, and for which address.
locals {
  push_variables = { for key, address in local.addresses : key => {
    SLUICE_PUSH_ACCOUNT  = google_service_account.push.email
    SLUICE_PUSH_AUDIENCE = address
  } }
}

resource "google_storage_bucket_object" "archive" {
  for_each = module.catalog.functions

  bucket       = google_storage_bucket.zone["source"].name
  name         = "${each.key}/${local.archives[each.key].sha256}.zip" # another content is another object, so a new revision
  source       = local.archives[each.key].path
  content_type = "application/zip"

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local.archives[each.key].sha256 != ""
      error_message = "${local.archives[each.key].path} is not there; build the archives first."
    }
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id   = "${var.prefix}-functions"
  location        = var.region
  format          = "DOCKER"
  description     = "Images of the functions, built by Cloud Build."
  kms_key_name    = var.kms_key
  deletion_policy = "DELETE"

  cleanup_policies {
    id     = "keep-ten"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.images.repository_id
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

# The service copies each archive into a bucket of its own, which is there only after the first build.
resource "google_project_iam_member" "build" {
  for_each = {
    "roles/logging.logWriter" = null
    "roles/storage.objectViewer" = join(" || ", [
      "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-${var.region}\")",
      "resource.name.startsWith(\"projects/_/buckets/${module.catalog.buckets.source}\")",
    ])
  }

  project = var.project
  role    = each.key
  member  = google_service_account.build.member

  dynamic "condition" {
    for_each = each.value[*]
    content {
      title       = "only archives of functions"
      description = "The buckets that hold what is built."
      expression  = condition.value
    }
  }
}

# Spans go to Cloud Trace only where that was asked for. They belong to a project and to nothing smaller.
resource "google_project_iam_member" "traces" {
  for_each = toset([for name in keys(module.catalog.functions) : name if name != "api" && lookup(var.settings, "SLUICE_TRACES", "off") == "otlp"])

  project = var.project
  role    = "roles/cloudtrace.agent"
  member  = google_service_account.function[each.key].member
}

resource "google_cloudfunctions2_function" "this" {
  for_each = module.catalog.functions

  name            = each.value.name
  location        = var.region
  description     = "Sluice ${each.key}: see functions/README.md."
  deletion_policy = "DELETE" # it holds no data

  build_config {
    runtime           = "python313"
    entry_point       = each.value.entry_point
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id

    source {
      storage_source {
        bucket = google_storage_bucket_object.archive[each.key].bucket
        object = google_storage_bucket_object.archive[each.key].name
      }
    }

    # Google's security patches of the runtime, without a new build.
    automatic_update_policy {}
  }

  service_config {
    service_account_email            = google_service_account.function[each.key].email
    available_memory                 = each.value.memory
    available_cpu                    = each.value.cpu
    timeout_seconds                  = each.value.timeout_s
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = each.value.min_instances
    max_instance_count               = each.value.max_instances
    ingress_settings                 = each.key == "api" ? var.api.ingress : "ALLOW_INTERNAL_ONLY" # Pub/Sub of the same project is internal
    all_traffic_on_latest_revision   = true

    environment_variables = merge(var.settings, {
      MALLOC_ARENA_MAX    = "1" # FUNCTION_ENVIRONMENT in shared/settings.py says why
      SLUICE_PROJECT      = var.project
      SLUICE_PREFIX       = var.prefix
      SLUICE_CODE_VERSION = substr(local.archives[each.key].sha256, 0, 12)
    }, each.key == "api" ? local.api_variables : local.push_variables[each.key])

    direct_vpc_egress = local.egress
    direct_vpc_network_interface {
      network    = local.network
      subnetwork = local.subnetwork
    }
  }

  lifecycle {
    precondition {
      condition     = each.value.concurrency == 1 || tonumber(each.value.cpu) >= 1
      error_message = "${each.key}: a concurrency above 1 needs a cpu of at least 1."
    }
  }

  depends_on = [time_sleep.rights]
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = toset(module.catalog.driven)

  name     = google_cloudfunctions2_function.this[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

# Beyond this the function itself asks for a key or an ID token.
resource "google_cloud_run_v2_service_iam_member" "api" {
  for_each = toset(var.api.invokers)

  name     = google_cloudfunctions2_function.this["api"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value
}
