"""Services in memory whose sources and targets are those of the registry."""

from shared.secrets import Secrets
from shared.settings import Settings
from shared.wiring import Services, utc_now
from tests.model.services import services_in_memory


def services() -> Services:
    """Return the services of a cloud that is not there."""
    settings = Settings(project="toys", prefix="toys")
    made, _ = services_in_memory(settings, Secrets(settings.project, None), utc_now)
    return made
