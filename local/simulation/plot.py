"""A line chart as SVG, readable on light and dark pages."""

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 220, 44, 24, 32
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}path{fill:none;stroke-width:2}"
    ".line0{stroke:#1f883d}.line1{stroke:#8c959f}.axis{stroke:#8c959f;stroke-width:1}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.line0{stroke:#3fb950}"
    ".line1{stroke:#656c76}}"
)


def lines(title: str, unit: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw up to two series of time in seconds and value, as steps."""
    end_s = max(at for points in series.values() for at, _ in points)
    top = max(value for points in series.values() for _, value in points)

    def place(at: float, value: float) -> str:
        x = _LEFT + (_WIDTH - _LEFT - 8) * at / end_s
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)
        return f"{x:.1f} {y:.1f}"

    drawn = []
    for number, (name, points) in enumerate(series.items()):
        path = " L".join(place(at, value) for at, value in _sampled(points, end_s))
        drawn.append(
            f'<path class="line{number}" d="M{path}"><title>{escape(name)}</title></path>'
            f'<text x="{_LEFT + 290 * number}" y="14">{escape(name)}</text>'
            f'<path class="line{number}" d="M{_LEFT + 290 * number} 19 h24"/>'
        )
    floor = _HEIGHT - _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<path class="axis" d="M{_LEFT} {_TOP} V{floor} H{_WIDTH - 8}"/>{"".join(drawn)}'
        f'<text x="{_LEFT - 6}" y="{_TOP + 10}" text-anchor="end">{top:g}</text>'
        f'<text x="{_WIDTH - 8}" y="{_HEIGHT - 10}" text-anchor="end">{end_s / 60:.0f} min</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 10}">{escape(unit)}</text></svg>\n'
    )


def _sampled(
    points: Sequence[tuple[float, float]], end_s: float, number: int = 300
) -> list[tuple[float, float]]:
    """Return the most in each of many equal spans."""
    most = [0.0] * (number + 1)
    for at, value in points:
        span = int(number * at / end_s)
        most[span] = max(most[span], value)
    return [(end_s * span / number, value) for span, value in enumerate(most)]
