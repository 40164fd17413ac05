# Everything that can be computed is computed in modules/catalog, which needs no provider; the files
# beside this one only make resources of it.

module "catalog" {
  source = "./modules/catalog"

  config_dir  = var.config_dir
  environment = var.environment
  functions   = var.functions
  prefix      = var.prefix
}

locals {
  labels = merge({ app = "sluice", environment = var.environment }, var.labels)
  # What holds data cannot be destroyed by a plan that somebody did not read.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"

  agents = {
    pubsub            = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    storage           = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
    secret_manager    = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    artifact_registry = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    bigquery          = "serviceAccount:bq-${data.google_project.this.number}@bigquery-encryption.iam.gserviceaccount.com"
  }
}
