variables {
  config_dir  = "./tests/config"
  environment = "small"
  prefix      = "shop-sluice"
}

run "a_table_with_a_schedule_has_a_job_and_no_other" {
  command = plan

  assert {
    condition     = toset(keys(output.jobs)) == toset(["extract-orders", "extract-prices", "sweep"])
    error_message = "jobs: ${jsonencode(keys(output.jobs))}"
  }

  assert {
    condition     = output.jobs["extract-prices"].schedule == "15 6 * * 1-5" && output.jobs["extract-prices"].time_zone == "Europe/Berlin"
    error_message = "A cron expression must stay as it is written, with its time zone."
  }
}

run "the_environment_overrides_a_table" {
  command = plan

  assert {
    condition     = output.jobs["extract-orders"].schedule == "0 3 * * *"
    error_message = "small.yaml makes orders daily, got ${output.jobs["extract-orders"].schedule}"
  }
}

run "the_message_names_the_table_and_its_version" {
  command = plan

  assert {
    condition     = jsondecode(output.jobs["extract-orders"].payload) == { version = 1, table = "orders" }
    error_message = "payload: ${output.jobs["extract-orders"].payload}"
  }
}

run "instances_stay_within_the_connections_of_the_target" {
  command = plan

  assert {
    condition     = sum([for k, f in output.functions : k == "api" ? f.max_instances : f.max_instances * f.concurrency]) <= 11
    error_message = "instances: ${jsonencode({ for k, f in output.functions : k => f.max_instances })}"
  }

  assert {
    condition     = alltrue([for f in output.functions : f.max_instances >= 1])
    error_message = "Every function needs an instance."
  }
}

run "a_wish_for_more_instances_is_lowered_to_the_budget" {
  command = plan

  variables {
    functions = { load = { max_instances = 500 }, extract = { max_instances = 1 } }
  }

  assert {
    condition     = output.functions.load.max_instances == 3 && output.functions.extract.max_instances == 1
    error_message = "load ${output.functions.load.max_instances}, extract ${output.functions.extract.max_instances}"
  }
}

run "without_a_budget_of_its_own_a_target_has_forty_connections" {
  command = plan

  variables {
    environment = "plain"
  }

  assert {
    condition     = output.functions.load.max_instances == 14 && output.functions.ingest.max_instances == 11
    error_message = "instances: ${jsonencode({ for k, f in output.functions : k => f.max_instances })}"
  }
}

run "only_extract_and_the_api_read_the_key_of_the_source" {
  command = plan

  assert {
    condition     = [for g in output.secret_grants : g.function if g.secret == "snowflake-private-key"] == ["api", "extract"]
    error_message = "grants: ${jsonencode(output.secret_grants)}"
  }

  assert {
    condition     = contains(output.secrets, "shop-password") && contains(output.secrets, "staging-key")
    error_message = "secrets: ${jsonencode(output.secrets)}"
  }
}

run "only_what_protects_columns_reads_their_key" {
  command = plan

  assert {
    condition     = [for g in output.secret_grants : g.function if g.secret == "protection-key"] == ["ingest"] && output.protection_key == "protection-key"
    error_message = "grants: ${jsonencode(output.secret_grants)}"
  }
}

run "an_environment_may_name_another_key_and_protect_more" {
  command = plan

  variables {
    environment = "plain"
  }

  assert {
    condition     = [for g in output.secret_grants : g.function if g.secret == "shop-protection"] == ["extract", "ingest"] && !contains(output.secrets, "protection-key")
    error_message = "grants: ${jsonencode(output.secret_grants)}"
  }
}

run "nobody_but_the_sweep_deletes_parts" {
  command = plan

  assert {
    condition     = [for k, g in output.bucket_grants : g.function if g.zone == "staging" && g.role == "roles/storage.objectUser" && g.condition == null] == ["sweep"]
    error_message = "Only the sweep may remove what is in the staging bucket."
  }
}

run "the_dead_letters_go_to_the_sweep_and_nowhere_else" {
  command = plan

  assert {
    condition     = output.subscriptions["dead-letter"].function == "sweep" && [for s in output.subscriptions : s.name if !s.has_dead_letter] == ["shop-sluice-dead-letter"]
    error_message = "subscriptions: ${jsonencode(output.subscriptions)}"
  }
}

run "a_smoke_run_moves_a_table_of_files_whose_columns_are_known" {
  command = plan

  assert {
    condition     = output.smoke_table == "returns"
    error_message = "smoke_table: ${output.smoke_table}"
  }
}

run "a_sql_server_has_a_secret_for_its_password_and_its_certificates" {
  command = plan

  variables {
    environment = "sqlserver"
  }

  assert {
    condition     = contains(output.secrets, "sqlserver-password") && contains(output.secrets, "sqlserver-ca") && output.functions.load.max_instances == 8
    error_message = "secrets: ${jsonencode(output.secrets)}, instances: ${output.functions.load.max_instances}"
  }
}

run "a_missing_connection_and_an_unknown_table_are_refused" {
  command = plan

  variables {
    environment = "lacking"
  }

  expect_failures = [output.jobs]
}

run "more_kept_instances_than_allowed_are_refused" {
  command = plan

  variables {
    functions = { load = { min_instances = 20 } }
  }

  expect_failures = [output.functions]
}

run "concurrency_on_a_fraction_of_a_cpu_is_refused" {
  command = plan

  variables {
    functions = { load = { concurrency = 4, cpu = "0.5" } }
  }

  expect_failures = [var.functions]
}

run "a_timeout_beyond_the_ack_deadline_is_refused" {
  command = plan

  variables {
    functions = { load = { timeout_s = 600 } }
  }

  expect_failures = [var.functions]
}

run "a_prefix_too_long_for_a_service_account_is_refused" {
  command = plan

  variables {
    prefix = "a-prefix-that-is-too-long"
  }

  expect_failures = [var.prefix]
}
