# The options that no environment uses yet, planned; and what must be refused.

variables {
  environment    = "prod"
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

run "an_adopted_database_is_only_connected_to" {
  command = plan

  assert {
    condition     = length(google_sql_database_instance.postgres) == 0 && length(google_service_networking_connection.services) == 0
    error_message = "Nothing of a database may be made when none is asked for."
  }

  assert {
    condition     = length(google_project_iam_member.traces) == 0
    error_message = "Without spans nobody may write any."
  }

  assert {
    condition     = length(google_project_iam_member.client) == 5 && alltrue([for m in google_project_iam_member.client : m.project == "example-prod" && strcontains(m.condition[0].expression, "instances/sluice\"")])
    error_message = "Each function needs the right to connect to the instance that is there, and to no other."
  }
}

run "everything_at_once" {
  command = plan

  variables {
    postgres         = {}
    sqlserver        = {}
    snowflake_access = { mode = "static_ip" }
    kms_key          = "projects/example-prod/locations/europe-west1/keyRings/sluice/cryptoKeys/data"
    alerts           = { emails = ["team@example.com"] }
    budget           = { billing_account = "012345-6789AB-CDEF01", amount = 200 }
    operators        = ["group:data@example.com"]
    key_keepers      = ["group:keys@example.com"]
    planner          = "acme-sluice-plan@example-prod.iam.gserviceaccount.com"
    snowflake_writer = "sluice@snowflake-prod.iam.gserviceaccount.com"
    schedules_paused = true
    settings         = { SLUICE_TRACES = "otlp", SLUICE_TRACES_SHARE = "0.1" }
  }

  assert {
    condition     = toset(keys(google_project_iam_member.traces)) == toset(["extract", "ingest", "load", "sweep"])
    error_message = "Each function that works on runs may write their spans, and the API may not."
  }

  assert {
    condition     = strcontains(google_storage_bucket_iam_member.snowflake_unloads[0].condition[0].expression, "-staging/objects/unloaded/")
    error_message = "Snowflake writes below unloaded/ and nowhere else."
  }

  assert {
    condition     = google_sql_database_instance.postgres[0].name == "sluice" && !google_sql_database_instance.postgres[0].settings[0].ip_configuration[0].ipv4_enabled
    error_message = "The instance is named by the environment file and has no public address."
  }

  assert {
    condition     = google_sql_database_instance.postgres[0].deletion_protection && google_sql_database_instance.postgres[0].settings[0].deletion_protection_enabled
    error_message = "The instance must be protected on both sides."
  }

  assert {
    condition     = google_sql_database_instance.sqlserver[0].name == "acme-sluice-sqlserver" && !google_sql_database_instance.sqlserver[0].settings[0].ip_configuration[0].ipv4_enabled && length(google_service_networking_connection.services) == 1
    error_message = "SQL Server is private too."
  }

  assert {
    condition     = google_sql_database_instance.sqlserver[0].root_password_wo == null && google_sql_database_instance.sqlserver[0].root_password_wo_version == "1"
    error_message = "SQL Server needs a root password, which must be in no plan and no state."
  }

  assert {
    condition     = google_sql_database.sqlserver[0].name == "sluice" && google_dns_record_set.sqlserver[0].name == "sqlserver.acme-sluice.internal." && output.sqlserver_host == "sqlserver.acme-sluice.internal"
    error_message = "The database and the name of its host must be made."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].direct_vpc_egress == "VPC_EGRESS_ALL_TRAFFIC"]) && length(google_compute_router_nat.egress) == 1
    error_message = "All traffic must leave through the address."
  }

  assert {
    condition     = alltrue([for b in google_storage_bucket.zone : b.encryption[0].default_kms_key_name == var.kms_key]) && alltrue([for t in google_pubsub_topic.this : t.kms_key_name == var.kms_key]) && length(google_kms_crypto_key_iam_member.agent) == 5
    error_message = "Buckets and topics must use the key, and the agents must be allowed to."
  }

  assert {
    condition     = google_billing_budget.project[0].amount[0].specified_amount[0].units == "200" && length(google_monitoring_notification_channel.email) == 1
    error_message = "The budget is 200."
  }

  assert {
    condition     = length(google_pubsub_topic_iam_member.operator) == 4 && alltrue([for k in keys(google_secret_manager_secret_iam_member.operator) : !strcontains(k, "staging-key")])
    error_message = "Operators may ask for every step, and need not decrypt."
  }

  assert {
    condition     = [for g in google_project_iam_member.operator_logs : "${g.member} ${g.role}"] == ["group:data@example.com roles/logging.viewer"]
    error_message = "Operators may read log lines."
  }

  assert {
    condition     = length(google_secret_manager_secret_iam_member.key_keeper) == 2 && alltrue([for g in google_storage_bucket_iam_member.key_keeper_notes : strcontains(g.condition[0].expression, "/objects/parts/")])
    error_message = "Who keeps the keys may change what is noted on parts, and nothing else of the staging bucket."
  }

  assert {
    condition     = keys(google_secret_manager_secret_iam_member.planner) == ["snowflake-private-key"]
    error_message = "Who plans reads the source's key and no other secret."
  }

  assert {
    condition     = [for k, j in google_cloud_scheduler_job.this : k if !j.paused] == ["sweep"]
    error_message = "Only the sweep may go on."
  }
}

run "tables_in_sql_server_have_their_secrets_and_share_its_connections" {
  command = plan

  variables {
    config_dir  = "./modules/catalog/tests/config"
    environment = "sqlserver"
    sqlserver   = {}
  }

  assert {
    condition     = contains(keys(google_secret_manager_secret.this), "sqlserver-password") && contains(keys(google_secret_manager_secret.this), "sqlserver-ca")
    error_message = "secrets: ${jsonencode(keys(google_secret_manager_secret.this))}"
  }

  assert {
    condition     = length([for k in keys(google_secret_manager_secret_iam_member.function) : k if endswith(k, "/sqlserver-password")]) == 5 && length(google_project_iam_member.client) == 0
    error_message = "Each function reads the password; a host needs no right to connect."
  }

  assert {
    condition     = sum([for f in google_cloudfunctions2_function.this : f.service_config[0].max_instance_count]) <= 25
    error_message = "The instances share the 25 connections that the environment file allows."
  }
}

run "a_sql_server_that_is_there_is_only_connected_to" {
  command = plan

  variables {
    config_dir  = "./modules/catalog/tests/config"
    environment = "sqlserver"
  }

  assert {
    condition     = length(google_sql_database_instance.sqlserver) == 0 && length(google_dns_managed_zone.sqlserver) == 0 && contains(keys(google_secret_manager_secret.this), "sqlserver-password")
    error_message = "Nothing but secrets may be made for a server that is there."
  }
}

run "a_sql_server_that_the_configuration_does_not_name_is_refused" {
  command = plan

  variables {
    config_dir  = "./modules/catalog/tests/config"
    environment = "elsewhere"
    sqlserver   = {}
  }

  expect_failures = [google_sql_database_instance.sqlserver]
}

run "a_private_endpoint_in_a_network_that_is_there" {
  command = plan

  variables {
    snowflake_access = {
      mode               = "psc"
      service_attachment = "projects/p/regions/europe-west1/serviceAttachments/snowflake"
      hosts              = ["acme.europe-west4.privatelink.snowflakecomputing.com", "ocsp.acme.europe-west4.privatelink.snowflakecomputing.com"]
    }
    network = { existing = { network = "projects/host/global/networks/shared", subnetwork = "projects/host/regions/europe-west1/subnetworks/functions" } }
  }

  assert {
    condition     = length(google_dns_record_set.snowflake) == 2 && length(google_compute_forwarding_rule.snowflake) == 1
    error_message = "Each of Snowflake's hosts needs a name that leads to the endpoint."
  }

  assert {
    condition     = length(google_compute_network.this) == 0 && alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].direct_vpc_network_interface[0].network == "projects/host/global/networks/shared"])
    error_message = "Functions must leave through the network that is there."
  }
}

run "a_vpn_has_two_tunnels_and_no_secret_in_the_state" {
  command = plan

  variables {
    snowflake_access = { mode = "vpn", vpn = { peer_ips = ["198.51.100.1", "198.51.100.2"], peer_asn = 65001, secret_version = 1 } }
  }

  assert {
    condition     = length(google_compute_vpn_tunnel.this) == 2 && alltrue([for t in google_compute_vpn_tunnel.this : t.shared_secret == null])
    error_message = "Two tunnels, with a secret that is written and never kept."
  }
}

run "a_vpn_waits_for_its_secret" {
  command = plan

  variables {
    snowflake_access = { mode = "vpn", vpn = { peer_ips = ["198.51.100.1", "198.51.100.2"], peer_asn = 65001 } }
  }

  assert {
    condition     = length(google_compute_vpn_tunnel.this) == 0 && contains(keys(google_secret_manager_secret.this), "vpn-shared-secret")
    error_message = "Without a version of the secret there can be no tunnel."
  }
}

run "a_database_elsewhere_than_the_configuration_says_is_refused" {
  command = plan

  variables {
    region   = "europe-west4"
    postgres = {}
  }

  expect_failures = [google_sql_database_instance.postgres]
}

run "everybody_is_no_operator" {
  command = plan

  variables {
    operators = ["allUsers"]
  }

  expect_failures = [var.operators]
}

run "a_ledger_that_forgets_before_the_landing_zone_is_refused" {
  command = plan

  variables {
    retention_days = { landing = 100, ledger = 90 }
  }

  expect_failures = [var.retention_days]
}

run "an_archive_that_was_not_built_is_refused" {
  command = plan

  variables {
    archives = null
    dist_dir = "./no-such-folder"
  }

  expect_failures = [google_storage_bucket_object.archive]
}

run "an_unknown_setting_is_refused" {
  command = plan

  variables {
    settings = { SLUICE_UNIT_ROW = "5" }
  }

  expect_failures = [var.settings]
}

run "only_who_may_reveal_reads_the_key_of_protected_columns" {
  command = plan

  variables {
    config_dir  = "./modules/catalog/tests/config"
    environment = "plain"
    operators   = ["group:data@example.com"]
    revealers   = ["user:officer@example.com"]
  }

  assert {
    condition     = keys(google_secret_manager_secret_iam_member.revealer) == ["user:officer@example.com"] && google_secret_manager_secret_iam_member.revealer["user:officer@example.com"].role == "roles/secretmanager.secretAccessor"
    error_message = "Revealers read the key."
  }

  assert {
    condition     = alltrue([for k in keys(google_secret_manager_secret_iam_member.operator) : !endswith(k, "/shop-protection")]) && contains(keys(google_secret_manager_secret.this), "shop-protection")
    error_message = "operators: ${jsonencode(keys(google_secret_manager_secret_iam_member.operator))}"
  }
}
