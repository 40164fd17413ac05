# Secrets by the names that the environment file gives them, and who may read each.

locals {
  staging_key = "staging-key" # KEY_SECRET in shared/stage/envelope.py
  access_list = "api-access"  # SECRET in shared/callers.py
  encrypts    = anytrue([for t in local.tables : t.encryption])
  # ProtectionKey in shared/config/connections.py
  protection_key = try(coalesce(local.connections.protection.key_secret), "protection-key")
  # By the kind of source: whoever reads a table protects its columns.
  protects = { for kind in ["snowflake", "csv"] : kind => anytrue([for t in local.tables : t.is_keyed if t.source == kind]) ? [local.protection_key] : [] }
  # The names that shared/config/connections.py gives where the environment file does not.
  default_secrets = { snowflake = "snowflake-private-key", postgres = "postgres-password", sqlserver = "sqlserver-password" }
  # A version that is named with a secret, as in shop-password:3, is for the functions to read.
  secret_of = {
    for kind, fallback in local.default_secrets : kind => split(":", try(coalesce(
      kind == "snowflake" ? local.connections[kind].private_key_secret : local.connections[kind].password_secret, fallback,
    ), fallback))[0]
  }
  # A target that proves itself with a certificate of its own has that in a secret too.
  target_secrets = distinct(flatten([
    for kind in local.targets : compact([local.secret_of[kind], split(":", coalesce(try(local.connections[kind].ca_secret, null), ":"))[0]]) if contains(keys(local.secret_of), kind)
  ]))
  source_secrets = contains(local.sources, "snowflake") ? [local.secret_of.snowflake] : []

  readers = {
    api     = concat(local.source_secrets, local.target_secrets, [local.access_list])
    extract = concat(local.source_secrets, local.target_secrets, local.encrypts ? [local.staging_key] : [], local.protects.snowflake)
    ingest  = concat(local.target_secrets, local.encrypts ? [local.staging_key] : [], local.protects.csv)
    load    = concat(local.target_secrets, local.encrypts ? [local.staging_key] : [])
    sweep   = local.target_secrets
  }
  why_secret = merge(
    { for name in local.target_secrets : name => "logs in to the target" },
    { for name in local.source_secrets : name => "logs in to the source" },
    { (local.staging_key) = "wraps the keys of encrypted parts" },
    { (local.access_list) = "says who may call" },
    { (local.protection_key) = "hashes and tokenizes protected columns" },
  )
  secrets       = toset(flatten(values(local.readers)))
  secret_grants = merge([for function, names in local.readers : { for name in distinct(names) : "${function}/${name}" => { function = function, secret = name, why = local.why_secret[name] } }]...)
}
