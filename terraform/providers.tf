provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
  default_labels        = local.labels
}

# What only Google knows of a project. Reading the second one also makes the agent, if it was never
# needed before, so that it can be given rights. Neither waits for an API here, or a new API would make
# every right that names an agent unknown, and so replaced; the bootstrap enables what they need.
data "google_project" "this" {
  project_id = var.project
}

data "google_storage_project_service_account" "this" {
  project = var.project
}
