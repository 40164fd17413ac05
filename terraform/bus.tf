# Topics, our own push subscriptions, and one place for messages that failed as often as allowed.

resource "google_pubsub_topic" "this" {
  for_each = module.catalog.topics

  name            = each.value
  kms_key_name    = var.kms_key
  deletion_policy = local.deletion_policy

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_subscription" "this" {
  for_each = module.catalog.subscriptions

  name                       = each.value.name
  topic                      = google_pubsub_topic.this[each.key].id
  ack_deadline_seconds       = 600       # the longest that Pub/Sub waits for an answer
  message_retention_duration = "604800s" # seven days
  deletion_policy            = local.deletion_policy

  # Without this a subscription that nobody used for a month is deleted.
  expiration_policy {
    ttl = ""
  }

  push_config {
    push_endpoint = google_cloudfunctions2_function.this[each.value.function].service_config[0].uri

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.addresses[each.value.function]
    }
  }

  # Five deliveries take two and a half minutes at least: longer than the lease of a function that died.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.has_dead_letter ? [google_pubsub_topic.this["dead-letter"].id] : []
    content {
      dead_letter_topic     = dead_letter_policy.value
      max_delivery_attempts = 5
    }
  }

  depends_on = [
    time_sleep.rights,
    google_cloud_run_v2_service_iam_member.push,
    google_service_account_iam_member.pubsub_signs_pushes,
  ]
}

# Without these two Pub/Sub keeps a message that fails for ever, and says nothing.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = google_pubsub_topic.this["dead-letter"].id
  role   = "roles/pubsub.publisher"
  member = local.agents.pubsub
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  for_each = { for topic, s in module.catalog.subscriptions : topic => s if s.has_dead_letter }

  subscription = google_pubsub_subscription.this[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.agents.pubsub
}

resource "google_pubsub_topic_iam_member" "function" {
  for_each = module.catalog.publications

  topic  = google_pubsub_topic.this[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.value.function].member
}
