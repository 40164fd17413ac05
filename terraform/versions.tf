terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45" # deletion_policy and direct VPC egress of functions
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.13"
    }
  }

  backend "gcs" {
    prefix = "sluice" # the bucket comes with terraform init -backend-config=bucket=…
  }
}
