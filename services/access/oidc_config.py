"""How a provider of OpenID Connect knows this system; apart from what talks to it, which loads large libraries."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """The provider, and how it knows this system."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    name: str = "single sign-on"
    """What the button of the sign-in page says."""
