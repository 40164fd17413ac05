"""Bar charts as SVG, readable on light and dark pages."""

from collections.abc import Sequence
from html import escape

_ROW, _LEFT, _WIDTH, _RIGHT = 26, 190, 420, 130
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.ours{fill:#1f883d}.peer{fill:#8c959f}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.ours{fill:#3fb950}.peer{fill:#656c76}}"
)


def bars(title: str, values: Sequence[tuple[str, float, str]]) -> str:
    """Draw one bar per value, in the order given.

    Args:
        title: for readers of the screen.
        values: name, length and what is written behind the bar; Sluice's names begin with it.
    """
    longest = max(length for _, length, _ in values)
    height = _ROW * len(values) + 8
    lines = []
    for number, (name, length, label) in enumerate(values):
        top = 4 + number * _ROW
        kind = "ours" if name.startswith("Sluice") else "peer"
        width = max(1.0, _WIDTH * length / longest)
        place = f'x="{_LEFT}" y="{top + 4}" width="{width:.1f}"'
        lines.append(
            f'<text x="{_LEFT - 8}" y="{top + 17}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" {place} height="18" rx="3"/>'
            f'<text x="{_LEFT + width + 6:.1f}" y="{top + 17}">{escape(label)}</text>'
        )
    size = f'width="{_LEFT + _WIDTH + _RIGHT}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{''.join(lines)}</svg>\n"
    )
