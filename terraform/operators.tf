# People at the command line: what `sluice` needs to look, to ask, to replay and to configure.

locals {
  operator_buckets = {
    landing    = "roles/storage.objectUser"
    raw        = "roles/storage.objectViewer"
    staging    = "roles/storage.objectViewer"
    quarantine = "roles/storage.objectViewer"
    state      = "roles/storage.objectUser"
    config     = "roles/storage.objectUser"
  }
  # They look at the log, and add what they do: nobody replaces or deletes an event.
  operator_audit_grants  = merge([for m in var.operators : { for role in ["roles/storage.objectViewer", "roles/storage.objectCreator"] : "${m}/${role}" => { member = m, role = role } }]...)
  operator_bucket_grants = merge([for m in var.operators : { for zone, role in local.operator_buckets : "${m}/${zone}" => { member = m, zone = zone, role = role } }]...)
  operator_topic_grants  = merge([for m in var.operators : { for topic in keys(module.catalog.subscriptions) : "${m}/${topic}" => { member = m, topic = topic } if topic != "dead-letter" }]...)
  # metadata and plan look into source and target themselves.
  operator_secret_grants = merge([for m in var.operators : { for secret in setsubtract(module.catalog.secrets, concat(["staging-key"], module.catalog.protection_key[*])) : "${m}/${secret}" => { member = m, secret = secret } }]...)
}

resource "google_storage_bucket_iam_member" "operator" {
  for_each = local.operator_bucket_grants

  bucket = google_storage_bucket.zone[each.value.zone].name
  role   = each.value.role
  member = each.value.member
}

resource "google_storage_bucket_iam_member" "operator_audit" {
  for_each = local.operator_audit_grants

  bucket = google_storage_bucket.audit.name
  role   = each.value.role
  member = each.value.member
}

resource "google_pubsub_topic_iam_member" "operator" {
  for_each = local.operator_topic_grants

  topic  = google_pubsub_topic.this[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = each.value.member
}

resource "google_secret_manager_secret_iam_member" "operator" {
  for_each = local.operator_secret_grants

  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.member
}

# They make the first key of the API, and more: each change is a new version of the list.
resource "google_secret_manager_secret_iam_member" "operator_access_list" {
  for_each = toset(var.operators)

  secret_id = google_secret_manager_secret.this[module.catalog.access_list].id
  role      = "roles/secretmanager.secretVersionAdder"
  member    = each.value
}

# `sluice logs` asks for entries of the project, which takes a right on all of it; data access logs are
# not among them.
resource "google_project_iam_member" "operator_logs" {
  for_each = toset(var.operators)

  project = var.project
  role    = "roles/logging.viewer"
  member  = each.value
}

# Who rotates the keys of staged parts: `sluice keys`. They read every version, make and disable them,
# and note on a part how its key is wrapped; what a part holds they could read as well.

locals {
  key_keepers              = contains(module.catalog.secrets, "staging-key") ? var.key_keepers : []
  key_keeper_secret_grants = merge([for m in local.key_keepers : { for role in ["roles/secretmanager.secretAccessor", "roles/secretmanager.secretVersionManager"] : "${m}/${role}" => { member = m, role = role } }]...)
  key_keeper_audit_grants  = merge([for m in local.key_keepers : { for role in ["roles/storage.objectViewer", "roles/storage.objectCreator"] : "${m}/${role}" => { member = m, role = role } }]...)
}

resource "google_secret_manager_secret_iam_member" "key_keeper" {
  for_each = local.key_keeper_secret_grants

  secret_id = google_secret_manager_secret.this["staging-key"].id
  role      = each.value.role
  member    = each.value.member
}

resource "google_storage_bucket_iam_member" "key_keeper_lists" {
  for_each = toset(local.key_keepers)

  bucket = google_storage_bucket.zone["staging"].name
  role   = "roles/storage.objectViewer"
  member = each.value
}

resource "google_storage_bucket_iam_member" "key_keeper_notes" {
  for_each = toset(local.key_keepers)

  bucket = google_storage_bucket.zone["staging"].name
  role   = "roles/storage.objectUser"
  member = each.value

  condition {
    title       = "only parts/"
    description = "what an object says of its key"
    expression  = "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.zone["staging"].name}/objects/parts/\")"
  }
}

resource "google_storage_bucket_iam_member" "key_keeper_audit" {
  for_each = local.key_keeper_audit_grants

  bucket = google_storage_bucket.audit.name
  role   = each.value.role
  member = each.value.member
}

# They get values back from tokens (`sluice reveal`), and compare protected columns value by value.
resource "google_secret_manager_secret_iam_member" "revealer" {
  for_each = module.catalog.protection_key == null ? [] : var.revealers

  secret_id = google_secret_manager_secret.this[module.catalog.protection_key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value
}
