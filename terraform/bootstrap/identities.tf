# CI without keys: GitHub's token is exchanged for one of these accounts, if it comes from this
# repository, and for the one that changes things only from the one ref.

locals {
  accounts = {
    deploy = "Applies Terraform and writes the configuration, from ${var.github.ref} only."
    plan   = "Plans in pull requests: reads, and changes nothing but the lock of the state."
  }

  # What the root module makes, kind by kind. On the project itself it can hand out no role but the
  # few of `grantable`.
  deploy_roles = [
    "roles/artifactregistry.admin",
    "roles/bigquery.admin",
    "roles/browser",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudsql.admin",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/dns.admin",
    "roles/iam.serviceAccountAdmin", # to run as one, it needs what the root module grants it there
    "roles/logging.configWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ]
  # Not roles/viewer: by the default rights of buckets it reads all data.
  plan_roles = [
    "roles/artifactregistry.reader",
    "roles/bigquery.metadataViewer",
    "roles/browser",
    "roles/cloudfunctions.viewer",
    "roles/cloudscheduler.viewer",
    "roles/cloudsql.viewer",
    "roles/compute.networkViewer",
    "roles/dns.reader",
    "roles/iam.securityReviewer",
    "roles/logging.viewer",
    "roles/monitoring.viewer",
    "roles/pubsub.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageConsumer",
    "roles/storage.bucketViewer",
  ]
  grantable = [
    "roles/bigquery.jobUser",
    "roles/cloudsql.client",
    "roles/cloudtrace.agent",
    "roles/logging.logWriter",
    "roles/logging.viewer",
    "roles/storage.objectViewer",
  ]
}

resource "google_service_account" "ci" {
  for_each = local.accounts

  account_id   = "${var.prefix}-${each.key}"
  display_name = "Sluice ${each.key}"
  description  = each.value

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "${var.prefix}-ci"
  display_name              = "Sluice CI"
  description               = "GitHub Actions of ${var.github.repository}."

  depends_on = [google_project_service.this]
}

# Names can be given up and taken by somebody else, numbers cannot: the condition holds the number.
resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"
  attribute_condition                = "assertion.repository_id == \"${var.github.repository_id}\" && assertion.repository == \"${var.github.repository}\""

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
    "attribute.deploys"    = "assertion.ref == \"${var.github.ref}\" && assertion.event_name != \"pull_request\" ? \"yes\" : \"no\""
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "deploy" {
  service_account_id = google_service_account.ci["deploy"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/attribute.deploys/yes"
}

resource "google_service_account_iam_member" "plan" {
  service_account_id = google_service_account.ci["plan"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/attribute.repository/${var.github.repository}"
}

resource "google_project_iam_member" "deploy" {
  for_each = toset(local.deploy_roles)

  project = var.project
  role    = each.key
  member  = google_service_account.ci["deploy"].member
}

# Rights on the project: only the few roles that functions, builds and operators need there.
resource "google_project_iam_member" "deploy_grants" {
  project = var.project
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = google_service_account.ci["deploy"].member

  condition {
    title       = "only these roles"
    description = "CI can hand out no other role on the project, so it cannot give itself one."
    expression  = "api.getAttribute(\"iam.googleapis.com/modifiedGrantsByRole\", []).hasOnly([${join(", ", [for r in local.grantable : "\"${r}\""])}])"
  }
}

resource "google_project_iam_member" "plan" {
  for_each = toset(local.plan_roles)

  project = var.project
  role    = each.key
  member  = google_service_account.ci["plan"].member
}

# A plan looks at the archives, which are objects, and at the tables' configurations. Listing is
# asked of the bucket itself, so its name without a slash counts too.
resource "google_project_iam_member" "plan_objects" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.ci["plan"].member

  condition {
    title       = "only archives and configurations"
    description = "Two buckets that the root module makes later."
    expression = join(" || ", flatten([for zone in ["config", "source"] : [
      "resource.name == \"projects/_/buckets/${var.prefix}-${zone}\"",
      "resource.name.startsWith(\"projects/_/buckets/${var.prefix}-${zone}/\")",
    ]]))
  }
}

# Planning takes the lock, which is an object beside the state.
resource "google_storage_bucket_iam_member" "state" {
  for_each = google_service_account.ci

  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = each.value.member
}
