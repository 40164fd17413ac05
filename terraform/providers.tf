provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
  default_labels        = local.labels
}

# What only Google knows of a project. Reading the second one also makes the agent, if it was never
# needed before, so that it can be given rights.
data "google_project" "this" {
  project_id = var.project

  depends_on = [google_project_service.this]
}

data "google_storage_project_service_account" "this" {
  depends_on = [google_project_service.this]
}
