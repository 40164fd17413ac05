# Shells only. Values are added by people, with `gcloud secrets versions add`, and never pass through
# Terraform's state.

locals {
  vpn_secret = var.snowflake_access.mode == "vpn" ? ["vpn-shared-secret"] : []
}

resource "google_secret_manager_secret" "this" {
  for_each = setunion(module.catalog.secrets, local.vpn_secret)

  secret_id           = each.key
  deletion_protection = var.deletion_protection

  replication {
    user_managed {
      replicas {
        location = var.region

        dynamic "customer_managed_encryption" {
          for_each = var.kms_key[*]
          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

resource "google_secret_manager_secret_iam_member" "function" {
  for_each = module.catalog.secret_grants

  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}

# The API makes and revokes keys; each change is a new version of the list.
resource "google_secret_manager_secret_iam_member" "access_list" {
  secret_id = google_secret_manager_secret.this[module.catalog.access_list].id
  role      = "roles/secretmanager.secretVersionAdder"
  member    = google_service_account.function["api"].member
}

# What a plan in a pull request may ask, if it may ask anything: the source. Databases have private
# addresses, so whoever plans outside of the network has no use for their passwords.
resource "google_secret_manager_secret_iam_member" "planner" {
  for_each = var.planner == null ? [] : module.catalog.source_secrets

  secret_id = google_secret_manager_secret.this[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.planner}"
}
