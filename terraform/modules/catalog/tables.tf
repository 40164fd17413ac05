# The table files as shared/config/resolve.py reads them: tables.yaml and tables/*.yaml, each a list
# below `tables` or one table, then the environment's overrides. Only what jobs and rights depend on
# is looked at here; `sluice validate` checks all of it.

locals {
  # Maps of one level are enough to merge: every key that is used below is text or a yes or no.
  files = concat(
    [for name in fileset(var.config_dir, "tables.yaml") : yamldecode(file("${var.config_dir}/${name}"))],
    [for name in sort(fileset(var.config_dir, "tables/*.yaml")) : yamldecode(file("${var.config_dir}/${name}"))],
  )
  environment_file = yamldecode(file("${var.config_dir}/environments/${var.environment}.yaml"))
  overrides        = try({ for name, keys in local.environment_file.tables : name => keys }, {})

  listed = concat([for content in local.files : try([for t in content.tables : t], [content])]...)
  merged = [for t in local.listed : merge(t, try(local.overrides[t.name], {}))]
  names  = [for t in local.merged : try(t.name, "")]

  # Tables with columns that take the protection key. Merged maps of one level lose the columns that
  # an environment does not name again, so both are looked at: one too many is a secret too many.
  keyed = distinct([
    for t in concat(local.listed, [for name, keys in local.overrides : merge(keys, { name = name })]) : try(t.name, "")
    if anytrue([for c in try(values(t.columns), []) : contains(["hash", "tokenize"], try(coalesce(c.protect), ""))])
  ])

  # One entry per kind of target that Sluice knows; a new one is one word here.
  target_kinds = ["postgres", "sqlserver", "bigquery"]

  tables = {
    for name in distinct(local.names) : name => [
      for t in local.merged : {
        name       = name
        source     = try(t.snowflake, null) != null ? "snowflake" : "csv"
        target     = one([for kind in local.target_kinds : kind if try(t[kind], null) != null])
        dataset    = try(coalesce(t.bigquery.dataset), try(t.bigquery, null) == null ? null : "ref") # where reference tables live
        keeps      = try(t.kind, "") == "reference"
        schedule   = try(coalesce(t.schedule, local.manual), local.manual)
        time_zone  = try(coalesce(t.time_zone, "UTC"), "UTC")
        encryption = try(t.encryption, null) == true
        is_keyed   = contains(local.keyed, name)
        # A file with a header and no rows takes the whole way and changes nothing.
        is_smokable = try(length(t.csv.columns) > 0, false) && try(t.sync_mode, "full") != "full" && try(t.csv.on_duplicate, "skip") != "fail"
      } if try(t.name, "") == name
    ][0]
  }

  # What Sluice remembers, and earlier versions of reference tables, are in datasets of their own
  # (shared/targets/bigquery); a function may make no dataset.
  in_bigquery = [for t in local.tables : t if t.target == "bigquery"]
  datasets = distinct(concat(
    [for t in local.in_bigquery : t.dataset],
    length(local.in_bigquery) > 0 ? ["_sluice"] : [],
    anytrue([for t in local.in_bigquery : t.keeps]) ? ["bkp"] : [],
  ))

  connections = try({ for kind, settings in local.environment_file.connections : kind => settings if settings != null }, {})
  sources     = distinct([for t in local.tables : t.source])
  targets     = distinct([for t in local.tables : t.target if t.target != null])

  problems = concat(
    [for name in distinct(local.names) : "table ${name} appears twice" if length([for n in local.names : n if n == name]) > 1],
    [for name in distinct(local.names) : "'${name}' is not a table name: lower-case letters, digits and _, a letter first, at most 63" if !can(regex("^[a-z][a-z0-9_]{0,62}$", name))],
    [for name in keys(local.overrides) : "environments/${var.environment}.yaml overrides ${name}, which no table file has" if !contains(local.names, name)],
    [for t in local.tables : "table ${t.name} has no target that is known here (${join(", ", local.target_kinds)})" if t.target == null],
    [for t in local.tables : "table ${t.name} is made of files and cannot have a schedule" if t.source == "csv" && t.schedule != local.manual],
    [for t in local.tables : "table ${t.name}: schedule '${t.schedule}' is neither ${join(", ", concat(keys(local.named_schedules), [local.manual]))} nor five cron fields" if t.schedule != local.manual && !can(regex("^(\\S+\\s+){4}\\S+$", local.cron[t.name]))],
    [for kind in setunion(setsubtract(local.sources, ["csv"]), local.targets) : "environments/${var.environment}.yaml lacks connections.${kind}, which a table needs" if !contains(keys(local.connections), kind)],
  )
}
