"""Remote procedure calls: what drivers use instead of batches.

Source of the numbers: MS-TDS, section 2.2.6.6 (RPC Request).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from local.sqlserver import describe, tokens
from local.sqlserver.errors import CANCELLED, SqlServerError
from local.sqlserver.names import split
from local.sqlserver.parameters import Parameter, Reader, read_parameter
from local.sqlserver.replies import Replies
from local.sqlserver.session import Session
from local.sqlserver.tokens import Done
from local.sqlserver.values import integer

_BY_NUMBER = {
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    15: "sp_unprepare",
}
_NUMBERED = 0xFFFF
# Between two calls of one message (before TDS 7.2, and from it on).
_SEPARATORS = (0x80, 0xFF)
_DECLARED = re.compile(r"(?:^|,)\s*(@\w+)\s")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a message."""

    name: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that a client has prepared, with its parameters' names."""

    sql: str
    names: tuple[str, ...]

    def bind(self, given: Sequence[Parameter]) -> list[Parameter]:
        """Return the values under the parameters' names."""
        return [
            Parameter(name, each.value, each.postgres)
            for name, each in zip(self.names, given, strict=False)
        ]


def read_calls(body: bytes) -> list[Call]:
    """Return all calls of a message."""
    reader = Reader(body, int.from_bytes(body[:4], "little"))
    calls = []
    while not reader.is_at_end:
        length = reader.number(2)
        name = _BY_NUMBER.get(reader.number(2), "") if length == _NUMBERED else reader.text(length)
        reader.take(2)
        parameters = []
        while not reader.is_at_end and reader.peek() not in _SEPARATORS:
            parameters.append(read_parameter(reader))
        reader.take(1)
        calls.append(Call(split(name)[-1].lower() if name else "", tuple(parameters)))
    return calls


class Procedures:
    """The procedures of one session."""

    def __init__(self, session: Session) -> None:
        """Begin with nothing prepared."""
        self._session = session
        self._prepared: dict[int, Prepared] = {}
        self._handles = itertools.count(1)

    def answer(self, body: bytes) -> bytes:
        """Run all calls of a message and return the response.

        Raises:
            SqlServerError: the client cancelled.
        """
        calls = read_calls(body)
        parts = self._answer_inserts(calls)
        if parts is None:
            parts = [
                self._answer_one(call, more=at < len(calls) - 1) for at, call in enumerate(calls)
            ]
        return b"".join(parts)

    def _answer_inserts(self, calls: Sequence[Call]) -> list[bytes] | None:
        """Run many executions of one INSERT at once; None when they are something else.

        When one row is refused all are run again one by one, which says which row it was.
        """
        if len(calls) == 1 or any(call.name != "sp_execute" for call in calls):
            return None
        handles = {call.parameters[0].value for call in calls}
        prepared = self._prepared.get(handles.pop())
        if handles or prepared is None:
            return None
        rows = [prepared.bind(call.parameters[1:]) for call in calls]
        kinds = [tuple(cell.postgres for cell in row) for row in rows]
        if len(set(kinds)) > 1:
            return None
        try:
            count = self._session.execute_rows(prepared.sql, rows)
        except SqlServerError as error:
            if error.number == CANCELLED or self._session.backend.aborts_on_error:
                raise
            return None
        if count is None:
            return None
        one = tokens.done(Done.STATEMENT, tokens.MORE | tokens.COUNT, 1) + tokens.return_status()
        last = len(calls) - 1
        return [one + tokens.done(Done.PROCEDURE, int(at < last)) for at in range(len(calls))]

    def _answer_one(self, call: Call, *, more: bool) -> bytes:
        replies = Replies(Done.STATEMENT)
        try:
            status, after = self._run(call, replies)
        except SqlServerError as error:
            if error.number == CANCELLED:
                raise
            body = replies.assemble(more=True) + tokens.error(error)
            return body + tokens.done(Done.PROCEDURE, tokens.ERROR | more)
        body = replies.assemble(more=True) + tokens.return_status(status) + after
        return body + tokens.done(Done.PROCEDURE, int(more))

    def _run(self, call: Call, replies: Replies) -> tuple[int, bytes]:
        given = call.parameters
        if call.name == "sp_executesql":
            prepared = _prepare(given[1].value if len(given) > 1 else "", given[0].value)
            self._session.run(prepared.sql, prepared.bind(given[2:]), replies)
        elif call.name in ("sp_prepexec", "sp_prepare"):
            return 0, self._prepare(call, replies)
        elif call.name == "sp_execute":
            if given[0].value not in self._prepared:
                raise SqlServerError(8179, f"Could not find prepared statement {given[0].value}.")
            prepared = self._prepared[given[0].value]
            self._session.run(prepared.sql, prepared.bind(given[1:]), replies)
        elif call.name == "sp_unprepare":
            self._prepared.pop(given[0].value, None)
        elif call.name.startswith("sp_datatype_info"):
            replies.add(describe.type_info(given[0].value if given else 0), status=tokens.COUNT)
        elif call.name == "sp_describe_undeclared_parameters":
            replies.add(describe.parameters(self._session.backend, given[0].value))
        else:
            status = self._session.call(call.name, given)
            if status is None:
                raise SqlServerError(2812, f"Could not find stored procedure '{call.name}'.")
            return status, b""
        return 0, b""

    def _prepare(self, call: Call, replies: Replies) -> bytes:
        prepared = _prepare(call.parameters[1].value, call.parameters[2].value)
        if call.name == "sp_prepexec":
            self._session.run(prepared.sql, prepared.bind(call.parameters[3:]), replies)
        handle = next(self._handles)
        self._prepared[handle] = prepared
        return tokens.returned("", integer(4), handle)


def _prepare(declarations: str | None, sql: str) -> Prepared:
    plain = re.sub(r"\([^)]*\)", "", declarations or "")
    return Prepared(sql, tuple(_DECLARED.findall(plain)))
