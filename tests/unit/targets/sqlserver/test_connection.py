"""Failures sorted by what to do, and what the drivers are told."""

from typing import Any

import pytest

from shared.config.connections import SqlServerConnection
from shared.errors import (
    InvalidConfigError,
    RetryableError,
    TargetRefusedError,
    TargetUnavailableError,
    ValueNotRepresentableError,
)
from shared.targets.sqlserver import connection, drivers

MICROSOFT = "[{0}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{1} ({2}) (SQLExecDirectW)"
FREETDS = "[{0}] [FreeTDS][SQL Server]{1} ({2}) (SQLExecDirectW)"


class DriverError(Exception):
    """Looks as pyodbc's errors do."""


def sorted_as(state: str, text: str, number: int, form: str = MICROSOFT) -> Any:
    """Return what a server's error becomes."""
    return connection._sorted("db:1433", DriverError(state, form.format(state, text, number)))


@pytest.mark.parametrize("form", [MICROSOFT, FREETDS])
@pytest.mark.parametrize(
    ("state", "number", "kind"),
    [
        ("40001", 1205, TargetUnavailableError),
        ("42000", 1222, TargetUnavailableError),
        ("42000", 40613, TargetUnavailableError),
        ("42000", 9002, TargetUnavailableError),
        ("42S01", 2714, TargetUnavailableError),
        ("HYT00", 0, TargetUnavailableError),
        ("08S01", 10054, TargetUnavailableError),
        ("22001", 2628, ValueNotRepresentableError),
        ("42000", 8115, ValueNotRepresentableError),
        ("23000", 2627, TargetRefusedError),
        ("28000", 18456, TargetRefusedError),
        ("42S02", 208, TargetRefusedError),
        ("42000", 229, TargetRefusedError),
    ],
)
def test_error_is_sorted_by_what_to_do(form: str, state: str, number: int, kind: type) -> None:
    error = sorted_as(state, "Something (7) happened.", number, form)

    assert type(error) is kind
    assert error.facts == {"sqlstate": state, "number": number}
    assert (
        error.message
        == f"SQL Server db:1433: Something (7) happened. ({number}) (SQLSTATE {state})"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2627, "Violation of PRIMARY KEY. The duplicate key value is (secret)."),
        (2628, "Data would be truncated in column 'c'. Truncated value: 'secret'."),
        (245, "Conversion failed when converting the nvarchar value 'secret' to data type int."),
        (220, "Arithmetic overflow error for data type tinyint, value = secret."),
        (232, "Arithmetic overflow error for type int, value = secret.000000."),
    ],
)
def test_values_in_the_servers_words_are_cut(number: int, text: str) -> None:
    assert "secret" not in sorted_as("22018", text, number).message


def test_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    text = "SSL Provider: [error:0A000086:SSL routines::certificate verify failed]"

    error = sorted_as("08001", text, -1)

    assert not isinstance(error, RetryableError)
    assert "connections.sqlserver.ca_secret" in error.message


def test_driver_that_cannot_be_loaded_is_told_with_what_it_needs() -> None:
    text = (
        "[01000] [unixODBC][Driver Manager]Can't open lib '/x/libmsodbcsql-18.so' : file not found "
        "(0) (SQLDriverConnect)"
    )

    error = connection._sorted("db:1433", DriverError("01000", text))

    assert type(error) is InvalidConfigError
    assert "/x/libmsodbcsql-18.so" in error.message
    assert "apt install libgssapi-krb5-2" in error.message


def a_connection(**changes: Any) -> SqlServerConnection:
    """Return how to reach a server."""
    return SqlServerConnection.model_validate({"host": "10.0.0.3", **changes})


@pytest.fixture(autouse=True)
def _driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_ODBC_DRIVER", "/opt/drivers/lib.so")


def test_tls_is_on_and_verified_unless_told_otherwise() -> None:
    text = drivers.connection_string(a_connection(certificate_host="db.internal"), "p;w}d")

    assert text == (
        "DRIVER=/opt/drivers/lib.so;UID=sluice;PWD={p;w}}d};DATABASE=sluice;SERVER={10.0.0.3,1433};"
        "APP=sluice;Encrypt=yes;TrustServerCertificate=no;ConnectRetryCount=0;KeepAlive=30;"
        "HostnameInCertificate=db.internal"
    )


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("unverified", "Encrypt=yes;TrustServerCertificate=yes"),
        ("off", "Encrypt=no;TrustServerCertificate=yes"),
    ],
)
def test_tls_is_weaker_only_when_that_is_said(tls: str, said: str) -> None:
    assert said in drivers.connection_string(a_connection(tls=tls), "x")


def test_freetds_is_told_in_its_own_words() -> None:
    text = drivers.connection_string(a_connection(driver="freetds", tls="unverified"), "x")

    assert "SERVER=10.0.0.3;PORT=1433;" in text
    assert text.endswith("TDS_Version=7.4;ClientCharset=UTF-8;Encryption=require")
