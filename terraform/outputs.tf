output "api_address" {
  description = "Address of the API and its page, and what ID tokens for it are signed for."
  value       = local.api_variables.SLUICE_API_AUDIENCE
}

output "audit_writer" {
  description = "Identity that the audit sink writes as. Projects made before 2023 may have another than service-<number>@gcp-sa-logging, which then needs roles/storage.objectCreator on the audit bucket."
  value       = google_logging_project_sink.audit.writer_identity
}

output "buckets" {
  description = "Bucket names by zone, those of the code and audit and source."
  value       = merge({ for zone, bucket in google_storage_bucket.zone : zone => bucket.name }, { audit = google_storage_bucket.audit.name })
}

output "connections" {
  description = "Connection names of Cloud SQL instances that were made here, by kind."
  value       = merge({ for i in google_sql_database_instance.postgres : "postgres" => i.connection_name }, { for i in google_sql_database_instance.sqlserver : "sqlserver" => i.connection_name })
}

output "database_addresses" {
  description = "Private addresses of the databases that were made here, by kind."
  value       = merge({ for i in google_sql_database_instance.postgres : "postgres" => i.private_ip_address }, { for i in google_sql_database_instance.sqlserver : "sqlserver" => i.private_ip_address })
}

output "egress_address" {
  description = "Address that Snowflake's network policy must allow; null unless snowflake_access is static_ip."
  value       = one(google_compute_address.egress[*].address)
}

output "environment" {
  description = "What the command line needs to reach this deployment, as environment variables."
  value       = { SLUICE_PROJECT = var.project, SLUICE_PREFIX = var.prefix }
}

output "function_urls" {
  description = "URLs of the functions; only Pub/Sub's account may call them."
  value       = { for name, f in google_cloudfunctions2_function.this : name => f.service_config[0].uri }
}

output "secrets" {
  description = "Secrets that need a version before anything moves."
  value       = sort(keys(google_secret_manager_secret.this))
}

output "service_accounts" {
  description = "Service accounts by function or part."
  value       = merge({ for name, a in google_service_account.function : name => a.email }, { push = google_service_account.push.email, build = google_service_account.build.email })
}

output "smoke_table" {
  description = "Table that a smoke run may move; null when none is named and no table of files will do."
  value       = var.smoke_table != null ? var.smoke_table : module.catalog.smoke_table

  precondition {
    condition     = var.smoke_table == null || contains(keys(module.catalog.tables), coalesce(var.smoke_table, "-"))
    error_message = "smoke_table names no table; known: ${join(", ", keys(module.catalog.tables))}."
  }
}

output "sqlserver_host" {
  description = "What connections.sqlserver.host is to be, when the instance is made here; it leads to its address. Null when none is made."
  value       = local.makes_sqlserver ? local.sqlserver_host : null
}

output "topics" {
  description = "Full topic names by their short name."
  value       = { for name, t in google_pubsub_topic.this : name => t.id }
}
