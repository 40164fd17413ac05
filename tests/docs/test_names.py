"""What documents name is there: calls of the API, files, variables, errors, other documents."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from shared import errors, settings
from shared.api.app import build
from shared.settings import ApiSettings

DOCUMENTS = [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```[^\n]*\n.*?^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) ([/…]\S*)")
PARAMETER = re.compile(r"\{\w+\}")
FOLDERS = ("config", "docs", "functions", "local", "shared", "terraform", "tests", ".github")
FILE = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*")
VARIABLE = re.compile(r"\bSLUICE_[A-Z_]+\b")
ERROR = re.compile(r"\b[A-Z][A-Za-z]+Error\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)

THEIR_COLUMN = re.compile(r"^\|[^|]*\|", re.MULTILINE)

THEIRS = {
    "UnicodeDecodeError",
    "UnicodeError",
    "RetryError",
    "GoogleAPICallError",
    "UnpicklingError",
}
"""Errors of Python and of Google's clients."""


def spans(path: Path) -> list[str]:
    """Return what a document writes as code within its sentences, once each.

    What seeds say themselves, in the first column of their page's tables, is theirs.
    """
    text = FENCE.sub("", path.read_text("utf-8"))
    if path.name == "seeds.md":
        text = THEIR_COLUMN.sub("|", text)
    return list(dict.fromkeys(SPAN.findall(text)))


@cache
def calls() -> dict[str, set[str]]:
    """Return the paths of the API's description, each with its methods."""
    app = build(ApiSettings(), None)  # type: ignore[arg-type]
    described = app.openapi()["paths"]
    found = {
        PARAMETER.sub("{}", path): {method.upper() for method in known}
        for path, known in described.items()
    }
    return {**found, str(app.openapi_url): {"GET"}}


@cache
def variables() -> str:
    """Return the texts of all code that may read a variable."""
    folders = ("shared", "local", "tests", "functions", "terraform")
    files = (p for f in folders for kind in ("*.py", "*.tf", "*.hcl") for p in Path(f).rglob(kind))
    return "\n".join(path.read_text("utf-8") for path in files)


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    found = HEADING.findall(FENCE.sub("", path.read_text("utf-8")))
    plain = (re.sub(r"[^\w\s-]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", h)) for h in found)
    return {re.sub(r"\s", "-", heading.strip().lower()) for heading in plain}


def check_call(method: str, path: str) -> None:
    """Look for a call in the API's description; query and abbreviations are left alone."""
    wanted = PARAMETER.sub("{}", path.partition("?")[0])
    _, dots, tail = wanted.partition("…")
    found = [p for p in calls() if (p == wanted if not dots else p.endswith(tail))]
    assert any(method in calls()[p] for p in found), f"{method} {path}; known: {sorted(calls())}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_calls_of_the_api_exist(path: Path) -> None:
    for span in spans(path):
        if match := CALL.fullmatch(span):
            check_call(match[1], match[2])
        elif span.startswith("/api/v1/") and " " not in span:
            assert any(known.startswith(PARAMETER.sub("{}", span.rstrip("/"))) for known in calls())


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_files_and_folders_exist(path: Path) -> None:
    named = [span for span in spans(path) if FILE.fullmatch(span)]

    assert [n for n in named if not (Path(n).exists() or n.startswith("config/tables/"))] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_variables_are_read_somewhere(path: Path) -> None:
    named = set(VARIABLE.findall(path.read_text("utf-8")))

    assert [name for name in sorted(named) if name not in variables()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_errors_exist(path: Path) -> None:
    named = {error for span in spans(path) for error in ERROR.findall(span)}

    assert [name for name in sorted(named - THEIRS) if not hasattr(errors, name)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        to = path.parent / place if place else path
        assert to.exists(), link
        if anchor and to.suffix == ".md":
            assert anchor in anchors(to), f"{link}; known: {sorted(anchors(to))}"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/flights"), ("PATCH", "/api/v1/runs"), ("POST", "…/{id}/bury")],
)
def test_call_that_does_not_exist_is_noticed(method: str, path: str) -> None:
    with pytest.raises(AssertionError):
        check_call(method, path)


def test_every_variable_of_the_settings_is_explained() -> None:
    """Those that people set; what Terraform and the launcher hand over by themselves is not."""
    source = Path(settings.__file__ or "").read_text("utf-8")
    read = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and VARIABLE.fullmatch(node.value)
    }

    explained = set(re.findall(r"^\| `(SLUICE_\w+)`", Path("docs/operate.md").read_text(), re.M))
    assert explained == read
