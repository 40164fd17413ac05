output "service_accounts" {
  description = "What CI works as: deploy from the one ref, plan from pull requests."
  value       = { for name, a in google_service_account.ci : name => a.email }
}

output "state_bucket" {
  description = "For terraform init -backend-config=bucket=…"
  value       = google_storage_bucket.state.name
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth."
  value       = google_iam_workload_identity_pool_provider.github.name
}
