# prod: which project comes by TF_VAR_project, for it is nobody else's business.
environment    = "prod"
prefix         = "example-sluice-prod"
repository_url = "https://github.com/example/sluice"
deployer       = "example-sluice-prod-deploy@example-prod.iam.gserviceaccount.com"

postgres = { tier = "db-custom-2-7680", is_regional = true, disk_gb = 50 }
# A warm instance takes a dropped file up at once, instead of after a cold start.
functions = { ingest = { min_instances = 1 } }
audit     = { retention_days = 2557, is_locked = true }
