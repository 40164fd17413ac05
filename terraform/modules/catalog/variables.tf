variable "config_dir" {
  description = "Folder with tables.yaml and/or tables/*.yaml, and environments/<environment>.yaml."
  type        = string
}

variable "environment" {
  description = "Name of the environment file below environments/, without .yaml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]*$", var.environment))
    error_message = "environment must be the name of a file in environments/, such as dev, staging or prod."
  }
}

variable "functions" {
  description = "Sizes of functions where the defaults of this module do not fit: memory, cpu, timeout_s, concurrency, min_instances, max_instances. A max_instances above what the connection budget leaves is lowered to it."
  type = map(object({
    memory        = optional(string)
    cpu           = optional(string)
    timeout_s     = optional(number)
    concurrency   = optional(number)
    min_instances = optional(number)
    max_instances = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), ["api", "extract", "ingest", "load", "sweep"])) == 0
    error_message = "functions knows api, extract, ingest, load and sweep."
  }

  validation {
    condition     = alltrue([for f in var.functions : coalesce(f.concurrency, 1) <= 1 || tonumber(coalesce(f.cpu, "1")) >= 1])
    error_message = "A concurrency above 1 needs a cpu of at least 1: Cloud Run refuses it otherwise."
  }

  validation {
    condition     = alltrue([for f in var.functions : coalesce(f.timeout_s, 540) >= 60 && coalesce(f.timeout_s, 540) < 600])
    error_message = "timeout_s must be 60 to 599: Pub/Sub delivers a message again after 600 s."
  }
}

variable "prefix" {
  description = "What every name begins with, SLUICE_PREFIX of the functions. Bucket names are global, so it should say whose it is; at most 22 characters, because a service account's name holds 30."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.prefix))
    error_message = "prefix must be 3 to 22 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }
}
