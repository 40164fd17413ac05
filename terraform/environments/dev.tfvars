# dev: which project comes by TF_VAR_project, for it is nobody else's business.
environment    = "dev"
prefix         = "example-sluice-dev"
repository_url = "https://github.com/example/sluice"
deployer       = "example-sluice-dev-deploy@example-dev.iam.gserviceaccount.com"

# Small, and gone when it is destroyed.
deletion_protection = false
schedules_paused    = true
postgres            = { tier = "db-f1-micro", is_regional = false, disk_gb = 10, backups_kept = 3 }
retention_days      = { landing = 7, staging = 14, raw = 30, quarantine = 30, ledger = 60, deleted = 0 }
audit               = { retention_days = 0 }
