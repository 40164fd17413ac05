"""Who may do what, and why: the table of docs/security.md, made from the applied configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.terraform.workspace import Workspace, resources

DOCUMENT = Path("docs/security.md")
BEGIN, END = "<!-- rights: begin -->\n", "<!-- rights: end -->\n"
ENVIRONMENT = "prod"
PROJECT, PREFIX = "example-prod", "example-sluice-prod"

WHY = {
    "google_artifact_registry_repository_iam_member.build": "keeps the images that it builds",
    "google_cloud_run_v2_service_iam_member.api": "people and machines call",
    "google_cloud_run_v2_service_iam_member.push": "Pub/Sub delivers as this account",
    "google_project_iam_member.bigquery_jobs": "runs load jobs, which belong to a project",
    "google_project_iam_member.build": "reads archives, and logs what it builds",
    "google_project_iam_member.client": "connects to the target",
    "google_project_iam_member.deploy": "makes what this configuration describes",
    "google_project_iam_member.deploy_grants": "hands out the few rights that only a project has",
    "google_project_iam_member.plan": "compares what is there with the configuration",
    "google_project_iam_member.plan_objects": "compares archives and tables with what is deployed",
    "google_pubsub_subscription_iam_member.dead_letters": "takes out what failed too often",
    "google_pubsub_topic_iam_member.dead_letters": "forwards what failed too often",
    "google_pubsub_topic_iam_member.storage_publishes_drops": "tells of dropped files",
    "google_secret_manager_secret_iam_member.access_list": "makes and revokes keys",
    "google_secret_manager_secret_iam_member.operator_access_list": "makes and revokes keys",
    "google_secret_manager_secret_iam_member.planner": "asks the source in a pull request",
    "google_service_account_iam_member.deploy": "workflows of the one repository and ref",
    "google_service_account_iam_member.deployer": "deploys what runs as this account",
    "google_service_account_iam_member.plan": "workflows of the one repository",
    "google_service_account_iam_member.pubsub_signs_pushes": "signs the token of each push",
    "google_storage_bucket_iam_member.audit_writer": "Cloud Logging writes the audit trail",
    "google_storage_bucket_iam_member.state": "Terraform's state and its lock",
}
"""Reasons of the rights that the catalog does not give."""

CATALOG = {
    "google_pubsub_topic_iam_member.function": "publications",
    "google_secret_manager_secret_iam_member.function": "secret_grants",
    "google_storage_bucket_iam_member.function": "bucket_grants",
}
"""Outputs of the catalog that have the reasons of the others."""

PLACES = (
    "bucket",
    "topic",
    "subscription",
    "secret_id",
    "name",
    "repository",
    "service_account_id",
)


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One role of one account on one resource."""

    account: str
    role: str
    resource: str
    limit: str
    why: str


def table(workspace: Workspace, applied: dict[str, Any]) -> str:
    """Return the table in Markdown.

    Args:
        workspace: where the bootstrap is applied, simulated.
        applied: production's state.
    """
    reasons = workspace.catalog(ENVIRONMENT, PREFIX)
    states = [applied, workspace.bootstrap()]
    found = [right for state in states for right in rights(state["values"], reasons)]
    lines = ["| account | role | on | only | why |", "| --- | --- | --- | --- | --- |"]
    for right in sorted(set(found)):
        cells = (right.account, right.role, right.resource, right.limit, right.why)
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def replaced(text: str, new: str) -> str:
    """Return a document with the table between the marks replaced."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}{new}{END}{rest.partition(END)[2]}"


def rights(values: dict[str, Any], reasons: dict[str, Any]) -> Iterator[Right]:
    """Yield every right that a state grants.

    Raises:
        KeyError: a right without a reason in ``WHY``.
    """
    for resource in resources(values):
        if not resource["type"].endswith("_iam_member"):
            continue
        given = resource["values"]
        kind = f"{resource['type']}.{resource['name']}"
        why = reasons[CATALOG[kind]][resource["index"]]["why"] if kind in CATALOG else WHY[kind]
        yield Right(
            account=f"`{_account(given['member'])}`",
            role=f"`{given['role'].removeprefix('roles/')}`",
            resource=_resource(resource["type"], given),
            limit=given["condition"][0]["title"].removeprefix("only ")
            if given.get("condition")
            else "",
            why=why,
        )


def _account(member: str) -> str:
    kind, _, name = member.partition(":")
    if kind != "serviceAccount":
        return _plain(member.rpartition("/workloadIdentityPools/")[2])
    return _agent(name) or _plain(name.partition("@")[0])


def _agent(email: str) -> str:
    agents = {
        "gcp-sa-pubsub": "Pub/Sub's agent",
        "gs-project-accounts": "Cloud Storage's agent",
        "gcp-sa-logging": "Cloud Logging's agent",
    }
    return next((name for part, name in agents.items() if part in email), "")


def _resource(kind: str, given: dict[str, Any]) -> str:
    if kind == "google_project_iam_member":
        return "project"
    place = next(str(given[key]) for key in PLACES if given.get(key))
    words = {"google_cloud_run_v2_service_iam_member": "service"}
    noun = words.get(kind) or kind.split("_iam_member")[0].split("_")[-1]
    return f"{noun} `{_plain(place.rpartition('/')[2].partition('@')[0])}`"


def _plain(text: str) -> str:
    return text.replace(PREFIX, "<prefix>").replace(PROJECT, "<project>")
