output "access_list" {
  description = "Name of the secret that says who may call the API."
  value       = local.access_list
}

output "bucket_grants" {
  description = "What each function may do in each bucket: function, zone, bucket, role, the object names it is limited to as an IAM condition, and why."
  value       = local.bucket_grants
}

output "buckets" {
  description = "Bucket names by zone, those of the code and those of the platform."
  value       = local.buckets
}

output "connections" {
  description = "Connections of the environment file by kind, without values that could be secret: they hold names only."
  value       = local.connections
}

output "datasets" {
  description = "BigQuery datasets that tables go to, and those that Sluice keeps its own tables in."
  value       = toset(local.datasets)
}

output "driven" {
  description = "Functions that messages drive."
  value       = local.names_of_driven
}

output "functions" {
  description = "Functions with name, entry point, size, and the instances that the targets' connections allow."
  value       = local.functions

  precondition {
    condition     = length(concat(local.budget_too_small, local.min_above_max)) == 0
    error_message = join("\n", concat(["The instances do not fit the connections:"], local.budget_too_small, local.min_above_max))
  }
}

output "jobs" {
  description = "Scheduler jobs: name, topic, cron expression, time zone, and the message as text."
  value       = local.jobs

  precondition {
    condition     = length(local.problems) == 0
    error_message = join("\n", concat(["The table files are wrong; `sluice validate` says where:"], local.problems))
  }
}

output "protection_key" {
  description = "Name of the secret that hashes and tokenizes protected columns; null where no table has any."
  value       = contains(local.secrets, local.protection_key) ? local.protection_key : null
}

output "publications" {
  description = "Which function publishes to which topic, and why."
  value       = local.publications
}

output "secret_grants" {
  description = "Which function reads which secret, and why."
  value       = local.secret_grants
}

output "secrets" {
  description = "Names of the secrets that must exist."
  value       = local.secrets
}

output "smoke_table" {
  description = "First table of files that a file with a header and no rows leaves as it is; null when there is none."
  value       = try([for name in sort(keys(local.tables)) : name if local.tables[name].is_smokable][0], null)
}

output "source_secrets" {
  description = "Names of the secrets that log in to sources."
  value       = toset(local.source_secrets)
}

output "subscriptions" {
  description = "Push subscriptions by topic: name, function, and whether a message that fails goes to the dead letters."
  value       = local.subscriptions
}

output "tables" {
  description = "Tables with source, target, schedule and what else decides about rights."
  value       = local.tables
}

output "targets" {
  description = "Kinds of targets in use."
  value       = toset(local.targets)
}

output "topics" {
  description = "Topic names by their short name."
  value       = { for topic in local.topics : topic => "${var.prefix}-${topic}" }
}
