"""The JSON of replies: what the connector reads of logins, results and failures."""

from __future__ import annotations

from typing import Any

from local.snowflake.errors import SnowflakeError
from local.snowflake.outcome import INSERT, Outcome
from local.snowflake.results import StoredRows
from local.snowflake.session import SERVER_VERSION, Session

# Source: what Snowflake's login replies carry: an hour for a session token, four for its renewal.
TOKEN_VALID_S = 3600
MASTER_TOKEN_VALID_S = 14400

Json = dict[str, Any]


def success(data: Any) -> Json:
    """A reply to something that went well."""
    return {"data": data, "code": None, "message": None, "success": True}


def failure(error: SnowflakeError, query_id: str | None = None) -> Json:
    """A reply to something that did not."""
    code = f"{error.code:06d}"
    data: Json = {"errorCode": code, "sqlState": error.sqlstate, "queryId": query_id}
    data |= {"internalError": False, "line": -1, "pos": -1, "type": "COMPILATION"}
    return {"data": data, "code": code, "message": error.message, "success": False}


def login(session: Session, token: str, master_token: str) -> Json:
    """The data of a reply to a login."""
    return {
        "token": token,
        "validityInSeconds": TOKEN_VALID_S,
        "masterToken": master_token,
        "masterValidityInSeconds": MASTER_TOKEN_VALID_S,
        "displayUserName": session.user,
        "serverVersion": SERVER_VERSION,
        "firstLogin": False,
        "healthCheckInterval": 45,
        "sessionId": session.id,
        "parameters": _parameters(session),
        "sessionInfo": {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role,
        },
        "idToken": None,
        "mfaToken": None,
    }


def renewal(session: Session, token: str, master_token: str) -> Json:
    """The data of a reply to a token's renewal."""
    return {
        "sessionToken": token,
        "validityInSecondsST": TOKEN_VALID_S,
        "masterToken": master_token,
        "validityInSecondsMT": MASTER_TOKEN_VALID_S,
        "sessionId": session.id,
    }


def description(session: Session, outcome: Outcome, query_id: str, binds: int) -> Json:
    """The data of a reply to a statement that was only described."""
    return {
        **_head(session, outcome, query_id),
        "queryResultFormat": "json",
        "rowset": [],
        "total": 0,
        "returned": 0,
        "numberOfBinds": binds,
        "arrayBindSupported": outcome.statement_type == INSERT,
    }


def counts(session: Session, outcome: Outcome, query_id: str) -> Json:
    """The data of a reply to a statement that changed rows."""
    stats = {name.split()[-1]: count for name, count in outcome.counts.items()}
    return {
        **_head(session, outcome, query_id),
        "queryResultFormat": "json",
        "rowset": [[str(count) for count in outcome.counts.values()]],
        "total": 1,
        "returned": 1,
        "stats": {
            "numRowsInserted": stats.get("inserted", 0),
            "numRowsUpdated": stats.get("updated", 0),
            "numRowsDeleted": stats.get("deleted", 0),
            "numDmlDuplicates": 0,
        },
    }


def rows(
    session: Session, outcome: Outcome, query_id: str, stored: StoredRows, *, address: str
) -> Json:
    """The data of a reply with rows; `address` is where the client finds the chunks."""
    data: Json = {
        **_head(session, outcome, query_id),
        "queryResultFormat": "arrow",
        "rowsetBase64": stored.inline,
        "total": stored.total,
        "returned": stored.total,
    }
    if stored.chunks:
        data["qrmk"] = None
        data["chunkHeaders"] = {}
        data["chunks"] = [
            {
                "url": f"http://{address}/chunks/{query_id}/{index}",
                "rowCount": chunk.rows,
                "uncompressedSize": chunk.size_bytes,
                "compressedSize": chunk.size_bytes,
            }
            for index, chunk in enumerate(stored.chunks)
        ]
    return data


def _head(session: Session, outcome: Outcome, query_id: str) -> Json:
    return {
        "queryId": query_id,
        "statementTypeId": outcome.statement_type,
        "rowtype": [column.rowtype() for column in outcome.columns],
        "parameters": _parameters(session),
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
        "numberOfBinds": 0,
        "arrayBindSupported": False,
    }


def _parameters(session: Session) -> list[Json]:
    # Rows are always bound inline: a threshold above zero would make the client upload them.
    fixed = {"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0}
    return [{"name": name, "value": value} for name, value in (session.parameters | fixed).items()]
