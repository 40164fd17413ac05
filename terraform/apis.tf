# The APIs that this needs, and the pause that a new right needs before it can be relied upon.

locals {
  apis = toset([
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "dns.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "serviceusage.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
    "telemetry.googleapis.com",
  ])
}

resource "google_project_service" "this" {
  for_each = local.apis

  service            = each.key
  disable_on_destroy = false
}

# A right is in force within two minutes, mostly. Source: IAM, "Access change propagation". Without
# this the first apply of a new project fails where the same apply a minute later succeeds: Cloud
# Storage checks that it may publish before it accepts a notification, and a build needs its rights.
# Made once: later rights are waited for by Pub/Sub, which delivers again.
resource "time_sleep" "rights" {
  create_duration = "90s"

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build,
    google_project_iam_member.client,
    google_pubsub_topic_iam_member.dead_letters,
    google_pubsub_topic_iam_member.function,
    google_pubsub_topic_iam_member.storage_publishes_drops,
    google_secret_manager_secret_iam_member.function,
    google_service_account_iam_member.deployer,
    google_storage_bucket_iam_member.function,
  ]
}
