# Buckets, and who may do what in each. A role is the least that its reason needs.

locals {
  zones   = ["landing", "raw", "staging", "quarantine", "state", "config"] # BUCKETS in shared/settings.py
  extra   = ["audit", "source"]                                            # audit is a zone too, but a bucket of its own kind; source is the platform's
  buckets = { for zone in concat(local.zones, local.extra) : zone => "${var.prefix}-${zone}" }

  viewer  = "roles/storage.objectViewer"
  creator = "roles/storage.objectCreator"
  user    = "roles/storage.objectUser"

  # Replacing an object takes the right to delete it, and a write that must find none may meet one:
  # without that right a repeated delivery would be refused before its precondition is looked at.
  # Parts and rejects have names that no two attempts share, so for them creating is enough.
  once = ["manifests/", "plans/", "units/"]

  rights = {
    api = {
      audit      = [{ role = local.viewer, below = [], why = "the trail, and the end of its chains" }, { role = local.creator, below = ["chains/"], why = "events, which nobody may replace" }]
      config     = [{ role = local.viewer, below = [], why = "the tables' configurations" }, { role = local.user, below = ["api/"], why = "tables that come through it" }]
      landing    = [{ role = local.user, below = [], why = "rejected rows that are sent once more: a repeat must meet the first" }]
      quarantine = [{ role = local.viewer, below = [], why = "rejected rows" }]
      raw        = [{ role = local.viewer, below = [], why = "the originals of rejected rows" }]
      staging    = [{ role = local.viewer, below = [], why = "manifests, plans and units" }]
      state      = [{ role = local.user, below = [], why = "runs, dead letters and requests, by compare-and-set" }]
    }
    extract = {
      audit   = [{ role = local.viewer, below = [], why = "the end of the table's chain" }, { role = local.creator, below = ["chains/"], why = "events, which nobody may replace" }]
      config  = [{ role = local.viewer, below = [], why = "the table's configuration" }]
      state   = [{ role = local.user, below = [], why = "the run's record, by compare-and-set" }]
      staging = [{ role = local.viewer, below = [], why = "plans, units and parts so far" }, { role = local.creator, below = ["parts/"], why = "parts, each under a name of its own" }, { role = local.user, below = concat(local.once, ["unloaded/"]), why = "written once: a repeat must meet the first; unloaded files are deleted once they are read" }]
    }
    ingest = {
      audit      = [{ role = local.viewer, below = [], why = "the end of the table's chain" }, { role = local.creator, below = ["chains/"], why = "events, which nobody may replace" }]
      config     = [{ role = local.viewer, below = [], why = "the table's configuration" }]
      landing    = [{ role = local.viewer, below = [], why = "the dropped file" }]
      raw        = [{ role = local.user, below = [], why = "the original, copied once: a repeat must meet the first" }]
      quarantine = [{ role = local.viewer, below = [], why = "the generation of what it wrote" }, { role = local.creator, below = [], why = "rejected rows" }]
      state      = [{ role = local.user, below = [], why = "the run's record and the file contract, by compare-and-set" }]
      staging    = [{ role = local.viewer, below = [], why = "the manifest and parts so far" }, { role = local.creator, below = ["parts/"], why = "parts, each under a name of its own" }, { role = local.user, below = local.once, why = "written once: a repeat must meet the first" }]
    }
    load = {
      audit   = [{ role = local.viewer, below = [], why = "the end of the table's chain" }, { role = local.creator, below = ["chains/"], why = "events, which nobody may replace" }]
      config  = [{ role = local.viewer, below = [], why = "the table's configuration" }]
      state   = [{ role = local.user, below = [], why = "the run's record, by compare-and-set" }]
      staging = [{ role = local.viewer, below = [], why = "manifest and parts" }]
    }
    sweep = {
      audit      = [{ role = local.viewer, below = [], why = "the end of the table's chain" }, { role = local.creator, below = ["chains/"], why = "events, which nobody may replace" }]
      config     = [{ role = local.viewer, below = [], why = "all tables' configurations" }]
      landing    = [{ role = local.viewer, below = [], why = "files that no event told of" }]
      quarantine = [{ role = local.user, below = [], why = "removes what tables keep no longer, and holds the rest" }]
      raw        = [{ role = local.user, below = [], why = "removes what tables keep no longer, and holds the rest" }]
      state      = [{ role = local.user, below = [], why = "runs, dead letters and its own report" }]
      staging    = [{ role = local.user, below = [], why = "removes orphans and what tables keep no longer, and holds the rest" }]
    }
  }

  bucket_grants = merge(flatten([
    for function, zones in local.rights : [
      for zone, roles in zones : [
        for r in roles : {
          "${function}/${zone}/${trimprefix(r.role, "roles/storage.")}" = {
            function = function
            zone     = zone
            bucket   = local.buckets[zone]
            role     = r.role
            below    = r.below
            why      = r.why
            condition = length(r.below) == 0 ? null : join(" || ", [
              for folder in r.below : "resource.name.startsWith(\"projects/_/buckets/${local.buckets[zone]}/objects/${folder}\")"
            ])
          }
        }
      ]
    ]
  ])...)
}
