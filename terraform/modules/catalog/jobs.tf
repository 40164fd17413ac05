# Scheduler jobs and the very bytes that they publish. tests/terraform decodes each with the
# product's own message classes.

locals {
  message_version = 1 # VERSION in shared/core/messages.py
  manual          = "manual"
  named_schedules = { hourly = "0 * * * *", daily = "0 3 * * *" } # NAMED in shared/config/schedule.py
  sweep_schedule  = "*/5 * * * *"

  cron = { for name, t in local.tables : name => lookup(local.named_schedules, t.schedule, t.schedule) }

  table_jobs = {
    for name, t in local.tables : "extract-${name}" => {
      name        = "${var.prefix}-extract-${name}"
      description = "Asks extract to move table ${name}."
      topic       = "extract"
      schedule    = local.cron[name]
      time_zone   = t.time_zone
      payload     = jsonencode({ version = local.message_version, table = name })
    } if t.schedule != local.manual
  }

  # No table's job can take this name: theirs begin with extract-.
  sweep_job = {
    sweep = {
      name        = "${var.prefix}-sweep"
      description = "Asks sweep to repair what was lost or left behind."
      topic       = "sweep"
      schedule    = local.sweep_schedule
      time_zone   = "UTC"
      payload     = jsonencode({ version = local.message_version })
    }
  }

  jobs = merge(local.table_jobs, local.sweep_job)
}
