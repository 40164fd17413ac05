variable "github" {
  description = "The repository whose workflows deploy: owner/name, its number (gh api repos/OWNER/NAME --jq .id), and the one ref that may change things."
  type = object({
    repository    = string
    repository_id = string
    ref           = optional(string, "refs/heads/main")
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github.repository)) && can(regex("^[0-9]+$", var.github.repository_id))
    error_message = "github needs repository as owner/name, and repository_id as digits."
  }

  validation {
    condition     = can(regex("^refs/(heads|tags)/[^*?\\s\"]+$", var.github.ref))
    error_message = "github.ref must be one full ref such as refs/heads/main, without wildcards."
  }
}

variable "prefix" {
  description = "The same prefix as the environment's, such as acme-sluice-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.prefix))
    error_message = "prefix must be 3 to 22 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }
}

variable "project" {
  description = "Project id. The project must exist and have a billing account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of the state bucket."
  type        = string
  default     = "europe-west1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be like europe-west1."
  }
}
