# Functions, and how many instances of each the targets' connections allow.

locals {
  names_of_driven    = ["extract", "ingest", "load", "sweep"] # by messages; each has a topic of its name
  names_of_functions = concat(["api"], local.names_of_driven)

  # A delivery works 400 s at most (BUDGET_S), waits up to 420 s for a server's reply
  # (REPLY_TIMEOUT_S), and is delivered again after 600 s.
  sizes = {
    api     = { memory = "1Gi", cpu = "1", timeout_s = 540, concurrency = 40, min_instances = 0 }
    extract = { memory = "2Gi", cpu = "1", timeout_s = 540, concurrency = 1, min_instances = 0 }
    ingest  = { memory = "2Gi", cpu = "2", timeout_s = 540, concurrency = 1, min_instances = 0 }
    load    = { memory = "2Gi", cpu = "2", timeout_s = 540, concurrency = 1, min_instances = 0 }
    sweep   = { memory = "512Mi", cpu = "1", timeout_s = 540, concurrency = 1, min_instances = 0 }
  }

  # Each instance holds one connection to one target, so in the worst case all of them hold one to
  # the same. A target without a limit of its own (BigQuery) does not count.
  default_budget   = { postgres = 40, sqlserver = 40 }
  unlimited        = 100
  budgets          = { for kind in local.targets : kind => try(coalesce(local.connections[kind].max_connections, local.default_budget[kind]), local.default_budget[kind]) if contains(keys(local.default_budget), kind) }
  budget           = length(local.budgets) > 0 ? min(values(local.budgets)...) : local.unlimited
  sweep_instances  = 1
  api_instances    = 2
  shares           = { extract = 0.3, ingest = 0.3, load = 0.4 }
  affordable       = merge({ for name, share in local.shares : name => max(1, floor((local.budget - local.sweep_instances - local.api_instances) * share)) }, { sweep = local.sweep_instances, api = local.api_instances })
  wanted           = { for name in local.names_of_functions : name => try(var.functions[name].max_instances, null) }
  max_instances    = { for name in local.names_of_functions : name => local.wanted[name] == null ? local.affordable[name] : min(local.wanted[name], local.affordable[name]) }
  min_instances    = { for name in local.names_of_functions : name => try(coalesce(var.functions[name].min_instances), local.sizes[name].min_instances) }
  budget_too_small = [for kind, size in local.budgets : "connections.${kind}.max_connections is ${size}: api needs two, and each of the four others one" if size < 6]
  min_above_max    = [for name in local.names_of_functions : "${name}: min_instances ${local.min_instances[name]} is above the ${local.max_instances[name]} instances that the connection budget allows" if local.min_instances[name] > local.max_instances[name]]

  functions = {
    for name in local.names_of_functions : name => {
      name          = "${var.prefix}-${name}"
      entry_point   = name
      memory        = try(coalesce(var.functions[name].memory), local.sizes[name].memory)
      cpu           = try(coalesce(var.functions[name].cpu), local.sizes[name].cpu)
      timeout_s     = try(coalesce(var.functions[name].timeout_s), local.sizes[name].timeout_s)
      concurrency   = try(coalesce(var.functions[name].concurrency), local.sizes[name].concurrency)
      min_instances = local.min_instances[name]
      # Requests of one instance share its process, not its connections; those of api wait for one.
      max_instances = name == "api" ? local.max_instances[name] : max(1, floor(local.max_instances[name] / try(coalesce(var.functions[name].concurrency), 1)))
    }
  }
}
