# One service account per function, one that Pub/Sub shows itself with, one that builds.

resource "google_service_account" "function" {
  for_each = module.catalog.functions

  account_id   = each.value.name
  display_name = "Sluice ${each.key} (${var.environment})"
  description  = "Runs the function ${each.value.name}; its rights are in docs/security.md."
}

resource "google_service_account" "push" {
  account_id   = "${var.prefix}-push"
  display_name = "Sluice push (${var.environment})"
  description  = "Pub/Sub calls the functions as this account, and nobody else can."
}

resource "google_service_account" "build" {
  account_id   = "${var.prefix}-build"
  display_name = "Sluice build (${var.environment})"
  description  = "Builds the functions' images. Since 2024 a build runs as an account that is named, or as one with too many rights."
}

# Who applies this in CI must be allowed to let functions, builds and pushes run as these accounts.
resource "google_service_account_iam_member" "deployer" {
  for_each = var.deployer == null ? {} : merge(google_service_account.function, { push = google_service_account.push, build = google_service_account.build })

  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${var.deployer}"
}

# The agent signs the token that a push carries. Older projects need this in so many words.
resource "google_service_account_iam_member" "pubsub_signs_pushes" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.agents.pubsub
}
