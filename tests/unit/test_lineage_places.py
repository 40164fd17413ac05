"""Where lineage may be sent: over TLS, to the host that is configured, and never to metadata."""

import pytest

from shared import lineage
from shared.bus import Bus
from shared.errors import InvalidConfigError
from tests.bytes_server import parted, reply, serving

EVENT = b'{"eventType": "START"}'


@pytest.mark.parametrize(
    "place",
    [
        "http://catalogue.example.com/api/v1/lineage",
        "http://10.0.0.3/",
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "https://169.254.169.254/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://METADATA.google.internal./",
        "http://[fd20:ce::254]/",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
    ],
)
def test_a_place_without_tls_or_with_credentials_is_refused(place: str) -> None:
    with pytest.raises(InvalidConfigError, match="needs https"):
        lineage.deliver(place, [EVENT], Bus())


def test_an_answer_that_leads_elsewhere_is_not_followed() -> None:
    elsewhere = reply("302 Found", Location="/computeMetadata/v1/token")

    with serving(elsewhere, elsewhere) as (url, asked):
        lineage.deliver(f"{url}/lineage", [EVENT], Bus())

    assert [parted(request)[0] for request in asked] == ["/lineage"]
