# staging: which project comes by TF_VAR_project, for it is nobody else's business.
environment    = "staging"
prefix         = "example-sluice-staging"
repository_url = "https://github.com/example/sluice"
deployer       = "example-sluice-staging-deploy@example-staging.iam.gserviceaccount.com"

postgres       = { tier = "db-custom-1-3840", is_regional = false, disk_gb = 10, backups_kept = 7 }
retention_days = { raw = 90 }
audit          = { retention_days = 30 }
