# What starts a run: a Scheduler job per table, and a file that lands.

resource "google_cloud_scheduler_job" "this" {
  for_each = module.catalog.jobs

  name        = each.value.name
  description = each.value.description
  region      = var.region
  schedule    = each.value.schedule
  time_zone   = each.value.time_zone
  paused      = var.schedules_paused && each.value.topic == "extract"

  pubsub_target {
    topic_name = google_pubsub_topic.this[each.value.topic].id
    data       = base64encode(each.value.payload)
  }

  # Without it a publish that failed waits for the next slot.
  retry_config {
    retry_count          = 3
    min_backoff_duration = "5s"
    max_backoff_duration = "60s"
  }

  lifecycle {
    precondition {
      condition     = length(each.value.payload) < 100 * 1024
      error_message = "The message of ${each.value.name} is larger than the 100 KB that Scheduler takes."
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic_iam_member" "storage_publishes_drops" {
  topic  = google_pubsub_topic.this["ingest"].id
  role   = "roles/pubsub.publisher"
  member = local.agents.storage
}

resource "google_storage_notification" "drop" {
  bucket         = google_storage_bucket.zone["landing"].name
  topic          = google_pubsub_topic.this["ingest"].id
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]

  depends_on = [time_sleep.rights]
}
