# Topics and subscriptions, as local/provision.py makes them.

locals {
  dead_letter = "dead-letter"
  topics      = concat(local.names_of_driven, [local.dead_letter])

  # A subscription is named as its topic: a dead letter says by it where the message failed. A dead
  # letter itself has nowhere else to go: it comes back until the sweep has taken it in.
  subscriptions = {
    for topic in local.topics : topic => {
      name            = "${var.prefix}-${topic}"
      function        = topic == local.dead_letter ? "sweep" : topic
      has_dead_letter = topic != local.dead_letter
    }
  }

  # Who publishes where, with the place in the code that does it.
  publishers = {
    api     = { extract = "runs that people ask for", ingest = "replays that people ask for", load = "replays that people ask for", sweep = "a sweep that people ask for" }
    extract = { extract = "units of a large table", load = "a staged run" }
    ingest  = { load = "a staged file" }
    load    = { load = "parts of a large run, and refreshes of models" }
    sweep   = { extract = "quiet runs asked to go on", ingest = "files that no event told of", load = "quiet runs asked to go on" }
  }
  publications = merge([
    for function, topics in local.publishers : {
      for topic, why in topics : "${function}/${topic}" => { function = function, topic = topic, why = why }
    }
  ]...)
}
