# Databases that rows are moved into: made here, or adopted, which means that only the right to
# connect is granted.

locals {
  # project:region:instance of each kind of database that a table goes to; a host has none. SQL
  # Server always has a host: Cloud SQL's connector has no driver for it.
  instances = {
    for kind in setintersection(module.catalog.targets, ["postgres"]) : kind => module.catalog.connections[kind].instance
    if try(module.catalog.connections[kind].instance, null) != null
  }
  # Where jobs run and datasets are, as the environment file says.
  bigquery = {
    project  = try(module.catalog.connections.bigquery.project, var.project)
    location = try(module.catalog.connections.bigquery.location, coalesce(var.bigquery.location, var.region))
  }
  # A name for the address that Cloud SQL gives, so that the environment file can be written before.
  makes_sqlserver = var.sqlserver != null
  sqlserver_zone  = "${var.prefix}.internal"
  sqlserver_host  = "sqlserver.${local.sqlserver_zone}"
  sqlserver_named = try(module.catalog.connections.sqlserver.host, local.sqlserver_host)
  clients = merge([
    for kind, instance in local.instances : { for name in keys(module.catalog.functions) : "${name}/${kind}" => { function = name, project = split(":", instance)[0], instance = split(":", instance)[2] } }
  ]...)

  # Statements, waits and logins that a person wants to see when something hangs.
  postgres_flags = {
    "cloudsql.enable_pgaudit"           = "on"
    log_checkpoints                     = "on"
    log_connections                     = "on"
    log_disconnections                  = "on"
    log_duration                        = "off"
    log_hostname                        = "on"
    log_lock_waits                      = "on"
    log_min_duration_statement          = "-1" # a statement's text can hold data
    log_min_error_statement             = "error"
    log_min_messages                    = "warning"
    log_statement                       = "ddl"
    log_temp_files                      = "0"
    "cloudsql.logical_decoding"         = "off"
    "pgaudit.log"                       = "ddl,role"
    idle_in_transaction_session_timeout = "600000"
  }
}

resource "google_sql_database_instance" "postgres" {
  count = var.postgres == null ? 0 : 1

  name                = split(":", local.instances.postgres)[2]
  region              = var.region
  database_version    = var.postgres.version
  encryption_key_name = var.kms_key
  deletion_protection = var.deletion_protection

  settings {
    tier                        = var.postgres.tier
    edition                     = var.postgres.edition
    availability_type           = var.postgres.is_regional ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.postgres.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = local.labels

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "02:00"
      transaction_log_retention_days = var.postgres.log_retention_day

      backup_retention_settings {
        retained_backups = var.postgres.backups_kept
      }
    }

    ip_configuration {
      ipv4_enabled                                  = false
      private_network                               = local.network
      enable_private_path_for_google_cloud_services = true
      ssl_mode                                      = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" # Cloud SQL's connector brings one
    }

    maintenance_window {
      day          = 7
      hour         = 1
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = true
      record_client_address   = false
    }

    dynamic "database_flags" {
      for_each = local.postgres_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    ignore_changes = [settings[0].disk_size] # it grows by itself

    precondition {
      condition     = try(split(":", local.instances.postgres)[0] == var.project && split(":", local.instances.postgres)[1] == var.region, false)
      error_message = "postgres makes an instance, so connections.postgres.instance in environments/${var.environment}.yaml must be ${var.project}:${var.region}:<name>; it is ${try(local.instances.postgres, "not set")}."
    }
  }

  depends_on = [google_service_networking_connection.services, google_project_service.this]
}

resource "google_sql_database" "postgres" {
  count = var.postgres == null || try(module.catalog.connections.postgres.database, "postgres") == "postgres" ? 0 : 1

  name            = module.catalog.connections.postgres.database
  instance        = google_sql_database_instance.postgres[0].name
  deletion_policy = local.deletion_policy
}

resource "google_sql_database_instance" "sqlserver" {
  count = local.makes_sqlserver ? 1 : 0

  name                = "${var.prefix}-sqlserver"
  region              = var.region
  database_version    = var.sqlserver.version
  encryption_key_name = var.kms_key
  deletion_protection = var.deletion_protection

  # The service makes no SQL Server without one. It is random, in no state, and known to nobody:
  # people make logins with gcloud, which needs none.
  root_password_wo         = "Aa1-${uuid()}"
  root_password_wo_version = 1

  settings {
    tier                        = var.sqlserver.tier
    edition                     = "ENTERPRISE"
    availability_type           = var.sqlserver.is_regional ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.sqlserver.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = local.labels

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "02:00"
    }

    ip_configuration {
      ipv4_enabled    = false
      private_network = local.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    maintenance_window {
      day          = 7
      hour         = 1
      update_track = "stable"
    }

    database_flags {
      name  = "contained database authentication"
      value = "off"
    }

    database_flags {
      name  = "cross db ownership chaining"
      value = "off"
    }
  }

  lifecycle {
    ignore_changes = [settings[0].disk_size]

    precondition {
      condition     = local.sqlserver_named == local.sqlserver_host || can(cidrhost("${local.sqlserver_named}/32", 0))
      error_message = "sqlserver makes an instance, so connections.sqlserver.host in environments/${var.environment}.yaml must be ${local.sqlserver_host}, or its address; it is ${local.sqlserver_named}."
    }
  }

  depends_on = [google_service_networking_connection.services, google_project_service.this]
}

resource "google_sql_database" "sqlserver" {
  count = local.makes_sqlserver ? 1 : 0

  name            = try(coalesce(module.catalog.connections.sqlserver.database), "sluice") # as in shared/config/connections.py
  instance        = google_sql_database_instance.sqlserver[0].name
  deletion_policy = local.deletion_policy
}

resource "google_dns_managed_zone" "sqlserver" {
  count = local.makes_sqlserver ? 1 : 0

  name        = "${var.prefix}-databases"
  dns_name    = "${local.sqlserver_zone}."
  description = "Names of databases that Cloud SQL gives an address."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = local.network
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_dns_record_set" "sqlserver" {
  count = local.makes_sqlserver ? 1 : 0

  managed_zone = google_dns_managed_zone.sqlserver[0].name
  name         = "${local.sqlserver_host}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_sql_database_instance.sqlserver[0].private_ip_address]
}

# The right to connect belongs to a project; the condition narrows it to one instance.
resource "google_project_iam_member" "client" {
  for_each = local.clients

  project = each.value.project
  role    = "roles/cloudsql.client"
  member  = google_service_account.function[each.value.function].member

  condition {
    title       = "only ${each.value.instance}"
    description = "Connects to the instance that the environment file names."
    expression  = "resource.type == \"sqladmin.googleapis.com/Instance\" && resource.name == \"projects/${each.value.project}/instances/${each.value.instance}\""
  }
}

# BigQuery: datasets that tables go to, made unless they exist.
resource "google_bigquery_dataset" "target" {
  for_each = setsubtract(module.catalog.datasets, var.bigquery.existing)

  dataset_id                 = each.key
  project                    = local.bigquery.project
  location                   = local.bigquery.location
  description                = "Tables that Sluice moves."
  delete_contents_on_destroy = !var.deletion_protection
  deletion_policy            = local.deletion_policy

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

resource "google_bigquery_dataset_iam_member" "function" {
  for_each = merge([for name in keys(module.catalog.functions) : { for d in module.catalog.datasets : "${name}/${d}" => { function = name, dataset = d } }]...)

  dataset_id = each.value.dataset
  project    = local.bigquery.project
  role       = each.value.function == "api" ? "roles/bigquery.dataViewer" : "roles/bigquery.dataEditor"
  member     = google_service_account.function[each.value.function].member

  depends_on = [google_bigquery_dataset.target]
}

resource "google_project_iam_member" "bigquery_jobs" {
  for_each = length(module.catalog.datasets) == 0 ? {} : module.catalog.functions

  project = local.bigquery.project
  role    = "roles/bigquery.jobUser" # a job belongs to a project and to nothing smaller
  member  = google_service_account.function[each.key].member
}
