variable "alerts" {
  description = "Who is told, and from when on. emails become notification channels; channels are names of existing ones (PagerDuty, Slack: they hold credentials and are made in the console). pickup_s is how long a dropped file may lie before ingest takes it up, error_rate_percent the share of pushes answered with 5xx, backlog_s the age of the oldest message that nobody has acknowledged."
  type = object({
    emails             = optional(list(string), [])
    channels           = optional(list(string), [])
    pickup_s           = optional(number, 15)
    error_rate_percent = optional(number, 20)
    backlog_s          = optional(number, 3600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for e in var.alerts.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "alerts.emails must be addresses such as team@example.com."
  }

  validation {
    condition     = alltrue([for c in var.alerts.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", c))])
    error_message = "alerts.channels must be names such as projects/my-project/notificationChannels/123."
  }

  validation {
    condition     = var.alerts.pickup_s > 0 && var.alerts.backlog_s >= 600 && var.alerts.error_rate_percent > 0 && var.alerts.error_rate_percent <= 100
    error_message = "alerts: pickup_s above 0, backlog_s at least 600 (a delivery may take so long), error_rate_percent above 0 and up to 100."
  }
}

variable "api" {
  description = "Who reaches the API and its page. invokers may call it, such as [\"group:data@example.com\"], or [\"allUsers\"] where keys and ID tokens alone decide; without any nobody may. ingress is ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB. origins are web pages elsewhere that may call it from a browser. audience is what ID tokens must be signed for; null takes the address that Cloud Run gives it."
  type = object({
    audience = optional(string)
    ingress  = optional(string, "ALLOW_ALL")
    invokers = optional(list(string), [])
    origins  = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], var.api.ingress)
    error_message = "api.ingress must be ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB."
  }

  validation {
    condition     = alltrue([for o in var.api.origins : can(regex("^https://[a-z0-9.:-]+$", o))])
    error_message = "api.origins must be origins such as https://intranet.example.com, without a path."
  }
}

variable "archives" {
  description = "Archives of the functions with their SHA-256 in hexadecimal, instead of those in dist_dir; a rollback names earlier ones."
  type        = map(object({ path = string, sha256 = string }))
  default     = null

  validation {
    condition     = var.archives == null || toset(keys(coalesce(var.archives, {}))) == toset(["api", "extract", "ingest", "load", "sweep"])
    error_message = "archives must name api, extract, ingest, load and sweep."
  }

  validation {
    condition     = alltrue([for a in values(coalesce(var.archives, {})) : can(regex("^[0-9a-f]{64}$", a.sha256))])
    error_message = "archives: sha256 must be 64 hexadecimal digits in lower case."
  }
}

variable "audit" {
  description = "The audit bucket: how long nothing in it can be changed or deleted (0: no such period, and objects go after 30 days), and whether the period itself is locked. A lock can never be taken back, nor the bucket deleted before the period is over."
  type = object({
    retention_days = optional(number, 400)
    is_locked      = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.audit.retention_days >= (var.audit.is_locked ? 1 : 0) && var.audit.retention_days <= 36500
    error_message = "audit.retention_days must be 0 to 36500, and at least 1 when it is locked."
  }
}

variable "bigquery" {
  description = "BigQuery datasets. location is where the dataset over the audit bucket is made; those of tables are where connections.bigquery.location says. existing lists datasets that tables go to and that are there already: they are adopted, which means that rights are granted on them and nothing else."
  type = object({
    location = optional(string)
    existing = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for d in var.bigquery.existing : can(regex("^[A-Za-z0-9_]+$", d))])
    error_message = "bigquery.existing holds names of datasets: letters, digits and underscores."
  }
}

variable "budget" {
  description = "Monthly budget of the project, in whole units of the billing account's currency; null for none. Alerts go out at 50, 90 and 100 percent spent and at 100 percent forecast."
  type        = object({ billing_account = string, amount = number })
  default     = null

  validation {
    condition     = var.budget == null ? true : can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account)) && var.budget.amount >= 1
    error_message = "budget needs billing_account in the form 012345-6789AB-CDEF01, and an amount of at least 1."
  }
}

variable "config_dir" {
  description = "Folder with the table files, from this module or absolute."
  type        = string
  default     = "../config"
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to destroy what holds data: buckets, database, secrets, datasets. Set it to false and apply before terraform destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "deployer" {
  description = "E-mail of the service account that applies this in CI (output service_accounts.deploy of the bootstrap); null when people do, who own the project."
  type        = string
  default     = null

  validation {
    condition     = var.deployer == null || can(regex("^[a-z0-9-]+@[a-z0-9-]+\\.iam\\.gserviceaccount\\.com$", var.deployer))
    error_message = "deployer must be the e-mail of a service account."
  }
}

variable "dist_dir" {
  description = "Folder with <function>.zip, from this module or absolute; not read when archives is given."
  type        = string
  default     = "../dist"
  nullable    = false
}

variable "environment" {
  description = "dev, staging or prod: the name of a file in config/environments/."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]*$", var.environment)) && var.environment != "local"
    error_message = "environment must be the name of a file in config/environments/, and not local, which is a laptop."
  }
}

variable "functions" {
  description = "Sizes of functions where the defaults do not fit; see modules/catalog. min_instances = 1 keeps one instance warm, which costs money at rest."
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
}

variable "key_keepers" {
  description = "People, groups or service accounts that rotate the keys of staged parts with the command line, such as group:keys@example.com; they can read what is encrypted."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.key_keepers : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+$", m))])
    error_message = "key_keepers must be like user:…, group:… or serviceAccount:…; allUsers and domains are refused."
  }
}

variable "kms_key" {
  description = "Cloud KMS key in the same region for buckets, topics, secrets, images, datasets and database (CMEK); null for Google's own keys. The Cloud SQL agent must exist and hold the key's encrypter and decrypter role before, all others get it here."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "labels" {
  description = "Labels of everything that can have some, besides app and environment."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for k, v in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))])
    error_message = "labels are lower-case letters, digits, _ and -, at most 63, and a key begins with a letter."
  }
}

variable "network" {
  description = "The network that functions leave through. existing = { network, subnetwork } adopts one (full names; in a shared VPC the host project grants compute.networkUser); else one is made with a subnet of cidr, which must hold at least a /26 because each instance takes addresses, and a range of services_prefix bits for Cloud SQL."
  type = object({
    existing        = optional(object({ network = string, subnetwork = string }))
    cidr            = optional(string, "10.8.0.0/24")
    services_prefix = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(cidrhost(var.network.cidr, 0)) && try(tonumber(split("/", var.network.cidr)[1]) <= 26, false)
    error_message = "network.cidr must be a range such as 10.8.0.0/24, a /26 or larger."
  }

  validation {
    condition     = var.network.services_prefix >= 16 && var.network.services_prefix <= 24
    error_message = "network.services_prefix must be 16 to 24."
  }
}

variable "operators" {
  description = "People, groups or service accounts that use the command line sluice on this deployment, such as group:data@example.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.operators : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+$", m))])
    error_message = "operators must be like user:…, group:… or serviceAccount:…; allUsers and domains are refused."
  }
}

variable "planner" {
  description = "E-mail of the service account that plans in pull requests (output service_accounts.plan of the bootstrap), which then also reads the sources' secrets: its plans say what the source has of a table that changes. Null: they say that they could not ask. Whoever may push a branch can let that account read all that the source's user can."
  type        = string
  default     = null

  validation {
    condition     = var.planner == null || can(regex("^[a-z0-9-]+@[a-z0-9-]+\\.iam\\.gserviceaccount\\.com$", var.planner))
    error_message = "planner must be the e-mail of a service account."
  }
}

variable "postgres" {
  description = "The PostgreSQL instance to make, named as connections.postgres says; null adopts the one of that name, and only grants the right to connect. The user is made by a person, so that no password passes through here (docs/deploy.md)."
  type = object({
    tier              = optional(string, "db-custom-2-7680")
    edition           = optional(string, "ENTERPRISE")
    version           = optional(string, "POSTGRES_17")
    is_regional       = optional(bool, true)
    disk_gb           = optional(number, 20)
    backups_kept      = optional(number, 14)
    log_retention_day = optional(number, 7)
  })
  default = null

  validation {
    condition     = var.postgres == null ? true : can(regex("^POSTGRES_1[4-9]$", var.postgres.version)) && var.postgres.disk_gb >= 10
    error_message = "postgres: version POSTGRES_14 or newer, disk_gb at least 10."
  }

  validation {
    condition     = var.postgres == null ? true : var.postgres.log_retention_day >= 1 && var.postgres.log_retention_day <= 7 && var.postgres.backups_kept >= 1
    error_message = "postgres: log_retention_day 1 to 7, backups_kept at least 1."
  }
}

variable "prefix" {
  description = "What every name begins with: SLUICE_PREFIX. Bucket names are global, so let it say whose it is, such as acme-sluice-prod; at most 22 characters."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.prefix)) && !strcontains(var.prefix, "google") && !startswith(var.prefix, "goog")
    error_message = "prefix must be 3 to 22 lower-case letters, digits and hyphens, a letter first and no hyphen last, without google."
  }
}

variable "project" {
  description = "Project id. One project per environment: secrets are named as the environment file names them, without a prefix."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of everything that has one; bucket data, messages and secrets stay in it."
  type        = string
  default     = "europe-west1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be like europe-west1."
  }
}

variable "repository_url" {
  description = "Where people read docs/runbook.md, such as https://github.com/acme/sluice; alerts link to it."
  type        = string

  validation {
    condition     = can(regex("^https://[^\\s]+[^/]$", var.repository_url))
    error_message = "repository_url must begin with https:// and not end with a slash."
  }
}

variable "retention_days" {
  description = "How long each zone keeps its objects. landing: also how long a refused file can be replayed. staging: how far back a rewind or replay reaches. raw: the originals, which move to colder classes after 30, 90 and 365 days. ledger: records of runs, which must outlive landing, or dropped files would be announced again, and a table's two last slots, or it would count as stale; each sweep lists all of them. deleted: how long a deleted object can be brought back."
  type = object({
    landing    = optional(number, 30)
    staging    = optional(number, 90)
    raw        = optional(number, 2557)
    quarantine = optional(number, 180)
    ledger     = optional(number, 120)
    deleted    = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.retention_days.ledger > var.retention_days.landing && var.retention_days.ledger > var.retention_days.staging
    error_message = "retention_days.ledger must be longer than landing and staging."
  }

  validation {
    condition     = var.retention_days.landing >= 7 && var.retention_days.staging >= 8
    error_message = "retention_days: landing at least 7 and staging at least 8, because Pub/Sub keeps a message for 7 days."
  }

  validation {
    condition     = var.retention_days.deleted == 0 || (var.retention_days.deleted >= 7 && var.retention_days.deleted <= 90)
    error_message = "retention_days.deleted must be 0 (off) or 7 to 90."
  }
}

variable "revealers" {
  description = "People, groups or service accounts that may read the key of protected columns: for sluice reveal, and sluice verify --full of tables that hash or tokenize. Whoever is not here sees hashes and tokens."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.revealers : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+$", m))])
    error_message = "revealers must be like user:…, group:… or serviceAccount:…; allUsers and domains are refused."
  }
}

variable "schedules_paused" {
  description = "Make the tables' Scheduler jobs but do not let them run; the sweep runs all the same."
  type        = bool
  default     = false
  nullable    = false
}

variable "settings" {
  description = "More environment variables of all functions, each one that shared/settings.py reads, such as SLUICE_UNIT_ROWS."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setsubtract(keys(var.settings), [
      "SLUICE_LEASE_S", "SLUICE_BUDGET_S", "SLUICE_UNIT_ROWS", "SLUICE_UNIT_BYTES", "SLUICE_UNIT_PARTS", "SLUICE_DIRECT_BYTES",
      "SLUICE_STUCK_S", "SLUICE_MAX_NUDGES", "SLUICE_LOST_S", "SLUICE_ORPHAN_S", "SLUICE_COLLECT_S", "SLUICE_ODBC_DRIVER",
      "SLUICE_ODBC_LIBRARIES", "SLUICE_LINEAGE", "SLUICE_TRACES", "SLUICE_TRACES_SHARE",
    ])) == 0
    error_message = "settings knows the variables of shared/settings.py that have a default, and no others."
  }

  validation {
    condition     = can(regex("^(off|otlp|otlp:https://.+)$", lookup(var.settings, "SLUICE_TRACES", "off")))
    error_message = "SLUICE_TRACES of a deployed environment must be off, otlp, or otlp:https://<host>/v1/traces."
  }
}

variable "smoke_table" {
  description = "Table that a smoke run may move; null takes the first table of files that an empty file leaves as it is."
  type        = string
  default     = null
}

variable "snowflake_access" {
  description = "How functions reach Snowflake. internet: Google's own addresses. static_ip: Cloud NAT with an address that Snowflake's network policy can name. psc: Private Service Connect to service_attachment, as SYSTEM$GET_PRIVATELINK_CONFIG names it, with its hosts. vpn: two tunnels to peer_ips with BGP, whose shared secret is version latest of the secret vpn-shared-secret once secret_version is 1 or more."
  type = object({
    mode               = optional(string, "internet")
    service_attachment = optional(string)
    hosts              = optional(list(string), [])
    vpn = optional(object({
      peer_ips       = list(string)
      peer_asn       = number
      asn            = optional(number, 64514)
      secret_version = optional(number, 0)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["internet", "static_ip", "psc", "vpn"], var.snowflake_access.mode)
    error_message = "snowflake_access.mode must be internet, static_ip, psc or vpn."
  }

  validation {
    condition     = var.snowflake_access.mode != "psc" || (var.snowflake_access.service_attachment != null && length(var.snowflake_access.hosts) > 0)
    error_message = "snowflake_access of mode psc needs service_attachment and hosts."
  }

  validation {
    condition     = var.snowflake_access.mode != "vpn" || try(length(var.snowflake_access.vpn.peer_ips) == 2, false)
    error_message = "snowflake_access of mode vpn needs vpn with two peer_ips."
  }
}

variable "snowflake_writer" {
  description = "Service account of the storage integration by which Snowflake unloads tables into the staging bucket (STORAGE_GCP_SERVICE_ACCOUNT of DESC STORAGE INTEGRATION); it may write below unloaded/ alone. null gives no right."
  type        = string
  default     = null

  validation {
    condition     = var.snowflake_writer == null || can(regex("^[^@:]+@[^@]+[.]gserviceaccount[.]com$", var.snowflake_writer))
    error_message = "snowflake_writer is the e-mail address of a service account."
  }
}

variable "sqlserver" {
  description = "The SQL Server instance to make, with the database that connections.sqlserver names and a private DNS name for its address (output sqlserver_host); null makes none and adopts the one that connections.sqlserver.host names, if a table goes there. The login is made by a person (docs/deploy.md)."
  type = object({
    tier        = optional(string, "db-custom-2-7680")
    version     = optional(string, "SQLSERVER_2022_STANDARD")
    is_regional = optional(bool, false)
    disk_gb     = optional(number, 20)
  })
  default = null

  validation {
    condition     = var.sqlserver == null ? true : can(regex("^SQLSERVER_20(19|22|25)_(EXPRESS|WEB|STANDARD|ENTERPRISE)$", var.sqlserver.version))
    error_message = "sqlserver.version must be like SQLSERVER_2022_STANDARD."
  }
}
