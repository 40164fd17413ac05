"""What detection says about marks and line ends, in sentences."""

from shared.csv.detection.shapes import Shape


def spread(cut: Shape) -> str:
    """Say how many fields another style would give."""
    widths = [w for w in cut.widths if w]
    low, high = min(widths), max(widths)
    return f"{cut.style.delimiter!r} would give {low if low == high else f'{low} to {high}'}"


def say_quote(cut: Shape) -> str:
    """Say what speaks for the quote."""
    if cut.style.quote is None:
        return "no quotes: read as marks around fields, they would not match"
    if not cut.quoted:
        return f"quote {cut.style.quote!r}: the usual one, though no field looked at has it"
    flaws = f"; {cut.flaws} more start with one and do not end so" if cut.flaws else ""
    return f"quote {cut.style.quote!r}: around {cut.quoted:,} fields{flaws}"


def line_ends(text: str) -> str:
    """Say how lines end."""
    pairs = text.count("\r\n")
    counts = {"LF": text.count("\n") - pairs, "CR LF": pairs, "CR": text.count("\r") - pairs}
    found = [f"{count:,} {name}" for name, count in counts.items() if count]
    return f"line ends: {', '.join(found) or 'none'}"
