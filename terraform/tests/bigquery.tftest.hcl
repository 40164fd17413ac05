# Tables that go to BigQuery: its datasets made or adopted, with rights on them and nothing else.

variables {
  config_dir     = "./modules/catalog/tests/config"
  environment    = "bigquery"
  prefix         = "acme-sluice"
  project        = "example-prod"
  repository_url = "https://github.com/acme/sluice"
  archives = {
    api     = { path = "../functions/api/main.py", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
    extract = { path = "../functions/extract/main.py", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }
    ingest  = { path = "../functions/ingest/main.py", sha256 = "2222222222222222222222222222222222222222222222222222222222222222" }
    load    = { path = "../functions/load/main.py", sha256 = "3333333333333333333333333333333333333333333333333333333333333333" }
    sweep   = { path = "../functions/sweep/main.py", sha256 = "4444444444444444444444444444444444444444444444444444444444444444" }
  }
}

run "datasets_are_where_the_connection_says" {
  command = plan

  assert {
    condition     = toset(keys(google_bigquery_dataset.target)) == toset(["_sluice", "bkp", "codes", "shop"])
    error_message = "datasets: ${jsonencode(keys(google_bigquery_dataset.target))}"
  }

  assert {
    condition     = alltrue([for d in google_bigquery_dataset.target : d.location == "EU" && d.project == "shop-data"])
    error_message = "A job stays in the location and the project of the connection."
  }

  assert {
    condition     = length(google_bigquery_dataset_iam_member.function) == 20 && length(google_project_iam_member.bigquery_jobs) == 5 && alltrue([for m in google_project_iam_member.bigquery_jobs : m.project == "shop-data"])
    error_message = "Each function needs its rights on each dataset, and to run jobs where they are paid for."
  }
}

run "a_dataset_that_is_there_is_adopted" {
  command = plan

  variables {
    bigquery = { existing = ["shop"] }
  }

  assert {
    condition     = !contains(keys(google_bigquery_dataset.target), "shop") && contains([for m in google_bigquery_dataset_iam_member.function : m.dataset_id], "shop")
    error_message = "An adopted dataset is granted, and not made."
  }
}
