"""Consoles for what others have named: no character in it moves the cursor, hides or reorders text.

Rich takes care of markup; escape sequences and marks of direction in a text it hands on.
"""

import re
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and line feed; marks of direction; halves of surrogate pairs.

Source: ECMA-48, 8.2; Unicode Standard Annex 9, section 2.
"""


def terminal(*, stderr: bool = False) -> Console:
    """Return a console that shows such characters as escapes, ``\\\\x1b``."""
    made = Console(stderr=stderr, highlight=False)
    made.push_render_hook(_Shown())
    return made


def shown(text: str) -> str:
    """Return a text with its unseen characters as escapes."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


class _Shown(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Renderable(each) for each in renderables]


class _Renderable:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self._segments(console, options)

    def _segments(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            # What Rich itself moves the cursor by is told from text.
            is_own = segment.control is not None
            yield segment if is_own else Segment(shown(segment.text), segment.style)
