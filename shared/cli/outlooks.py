"""A table's outlook as lines of text, and as Markdown for a pull request."""

from shared.deploy.outlooks import Outlook


def lines(found: Outlook) -> list[str]:
    """Return what a terminal shows of a table that is new or configured otherwise."""
    said = [f"{found.table}: {'; '.join(facts(found))}"]
    said += [f"  {name}  {source} → {moved}" for name, source, moved in found.columns]
    said += [f"  makes: {found.statement}"] if found.statement and not found.is_there else []
    said += [f"  would be refused: {why}" for why in found.refusals]
    return said + [f"  not known, {why}" for why in found.unknown]


def markdown(found: Outlook) -> list[str]:
    """Return the same as Markdown."""
    said = [f"**{found.table}**: {'; '.join(facts(found))}", ""]
    if found.columns:
        rows = [f"| {name} | {source} | {moved} |" for name, source, moved in found.columns]
        said += ["| column | source | moved as |", "| --- | --- | --- |", *rows, ""]
    if found.statement and not found.is_there:
        heading = "The first run makes the table" if found.is_there is False else "If not there yet"
        said += [f"{heading}:", "", "```sql", found.statement, "```", ""]
    said += [f"- :x: a run would be refused: {why}" for why in found.refusals]
    return said + [f"- not known, {why}" for why in found.unknown]


def facts(found: Outlook) -> list[str]:
    """Return rows, size and cost, as far as they are known."""
    said = [] if found.rows is None else [f"{found.rows:,} rows to read"]
    said += [] if found.size_bytes is None else [f"{found.size_bytes:,} bytes at the source"]
    if found.cost:
        said.append(f"about {found.cost.run_usd:.3f} USD for a run of all rows")
    if found.cost and found.cost.runs_a_month:
        said.append(f"{found.cost.month_usd:.2f} for {found.cost.runs_a_month} such runs a month")
    return said or ["nothing to read yet"]
