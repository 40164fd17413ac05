# Renames, each until no state can hold the old address (terraform/README.md, "Conventions").

moved {
  from = google_project_iam_member.plan_archives # until 0.2
  to   = google_project_iam_member.plan_objects
}
