"""Sign-in by a provider of OpenID Connect: the authorization code flow, with PKCE and a nonce.

1. The browser is sent to the provider; a signed cookie remembers what this server asked.
2. It returns with a code, which this server exchanges for an ID token, and checks its signature, issuer, audience,
   times and nonce.
3. The verified e-mail of the token names the user, which an administrator made here: a sign-in makes none.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.access.oidc_config import OidcConfig
from services.core.errors import DomainError

OIDC_SCOPE = "openid email profile"
OIDC_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by keys that the provider publishes: none of a shared secret, and never none at all."""
PROVIDER_TIMEOUT_SECONDS, METADATA_SECONDS, CLOCK_LEEWAY_SECONDS = 10.0, 3_600.0, 60
MAX_PROVIDER_BYTES = 1_000_000
SILENCE_SECONDS = 5.0
"""A provider that did not answer is not asked again for so long: each question would take a thread until its end."""


class OidcError(DomainError):
    """The provider did not answer as it must, or names no one who may sign in."""


@dataclass(frozen=True, slots=True)
class OidcRequest:
    """What was asked of the provider for one sign-in."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "OidcRequest":
        """Return a request that no one can guess."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))


class OidcProvider:
    """A provider, whose addresses and keys are read once an hour. Methods wait for the network."""

    def __init__(self, config: OidcConfig) -> None:
        self.config = config
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}
        self._silent_until: dict[str, float] = {}

    def authorization_url(self, asked: OidcRequest, redirect_uri: str) -> str:
        """Return the address of the provider that the browser is sent to."""
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self._metadata()["authorization_endpoint"],
                state=asked.state,
                nonce=asked.nonce,
                code_verifier=asked.verifier,
            )
        return str(url)

    def find_email(self, asked: OidcRequest, redirect_uri: str, code: str) -> str:
        """Exchange a code for the verified e-mail of who signed in. Raises OidcError."""
        with self._session(redirect_uri) as session:
            try:
                token = session.fetch_token(
                    self._metadata()["token_endpoint"],
                    code=code,
                    code_verifier=asked.verifier,
                    timeout=PROVIDER_TIMEOUT_SECONDS,
                )
            except (AuthlibBaseError, requests.RequestException, ValueError) as error:
                raise OidcError(f"the provider of sign-ins gave no token ({error}); try again") from None
            claims = self._read_id_token(str(token.get("id_token", "")), asked.nonce)
            if "email" not in claims and "userinfo_endpoint" in self._metadata():
                told = self._get(session, self._metadata()["userinfo_endpoint"])
                claims = {**claims, **told} if told.get("sub") == claims["sub"] else claims
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise OidcError("the provider of sign-ins names no verified e-mail; ask for one there")
        return email

    def _session(self, redirect_uri: str) -> OAuth2Session:
        return OAuth2Session(
            self.config.client_id,
            self.config.client_secret,
            token_endpoint_auth_method="client_secret_basic" if self.config.client_secret else "none",
            scope=OIDC_SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _read_id_token(self, text: str, nonce: str) -> Mapping[str, Any]:
        rules = jwt.JWTClaimsRegistry(
            leeway=CLOCK_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.config.issuer},
            aud={"essential": True, "value": self.config.client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            published = self._load(self._metadata()["jwks_uri"])
            keys = KeySet.import_key_set({"keys": published["keys"]})
            claims = jwt.decode(text, keys, algorithms=list(OIDC_ALGORITHMS)).claims
            rules.validate(claims)
        except (JoseError, ValueError, KeyError) as error:
            raise OidcError(f"the provider of sign-ins gave a token that is not valid ({error}); try again") from None
        return claims

    def _metadata(self) -> dict[str, Any]:
        found = self._load(f"{self.config.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.config.issuer:
            raise OidcError(
                f'the provider of sign-ins calls itself "{found.get("issuer")}", and TAPELESS_OIDC_ISSUER is '
                f'"{self.config.issuer}"; give the same'
            )
        return found

    def _load(self, url: str) -> dict[str, Any]:
        until, known = self._known.get(url, (0.0, {}))
        if time.monotonic() > until:
            if time.monotonic() < self._silent_until.get(url, 0.0):
                raise OidcError("the provider of sign-ins does not answer; try again soon, or use a password")
            try:
                with requests.Session() as session:
                    known = self._get(session, url)
            except OidcError:
                self._silent_until[url] = time.monotonic() + SILENCE_SECONDS
                raise
            self._known[url] = (time.monotonic() + METADATA_SECONDS, known)
        return known

    def _get(self, session: requests.Session, url: str) -> dict[str, Any]:
        try:
            answer = session.get(url, timeout=PROVIDER_TIMEOUT_SECONDS, stream=True)
            answer.raise_for_status()
            content = answer.raw.read(MAX_PROVIDER_BYTES, decode_content=True)
            found = json.loads(content)
        except (requests.RequestException, AuthlibBaseError, ValueError) as error:
            raise OidcError(
                f"the provider of sign-ins does not answer ({error}); try again, or use a password"
            ) from None
        if not isinstance(found, dict):
            raise OidcError("the provider of sign-ins does not answer as OpenID Connect says")
        return found
