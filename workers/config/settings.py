"""Settings of this process, read once from the environment.

1. Settings per storage are rows; settings that a process needs before it has a database are here.
2. An unknown name with the prefix TAPELESS_ is an error, because a silently ignored typo is found only when it matters.
3. `workers.config.connection` resolves these settings to a running system.
"""

import dataclasses
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self, TypedDict
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from models.core.timing import Timing
from services.access.oidc_config import OidcConfig
from services.core.signing_key import SigningKey
from services.outbound.config import IpNetwork, OutboundConfig
from services.outbound.smtp import MailServer
from services.renditions.profiles import TranscodeProfiles, TranscodeProfilesError, load_transcode_profiles
from workers.config.data_folders import default_data_folder
from workers.config.deprecations import rename_deprecated_settings
from workers.config.logs import LogFormat
from workers.config.secret_key import load_secret_key
from workers.config.traces import find_traces_endpoint

SETTINGS_PREFIX = "TAPELESS_"
LAST_BACKUP_FILE = "last-backup"
"""Empty file in the data folder, changed by each complete backup: metrics show its age."""
SHARED_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
NOTIFY_SOCKET_VARIABLE = "NOTIFY_SOCKET"
PUBLIC_URL_PATTERN = re.compile(r"https?://[^/?#\s@]+/?")
WEB_URL_PATTERN = re.compile(r"https?://[^?#\s@]+")
SEARCH_URL_PATTERN = re.compile(r"https?://[^/?#\s]+/?")
DEFAULT_SEARCH_INDEX = "tapeless"
INDEX_NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
TIMING_FIELDS = tuple(field.name for field in dataclasses.fields(Timing))


class SettingsError(Exception):
    """A setting is wrong or missing; the message names it, its value and the next step."""


class SearchSettings(TypedDict, total=False):
    """Keyword arguments of a connection with a search engine."""

    search_url: str
    search_index: str
    search_ca_file: str | None
    search_shards: int
    search_replicas: int | None


def matching(pattern: re.Pattern[str], complaint: str) -> AfterValidator:
    """Return the validator of a text; the complaint may name it as `{}`."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(complaint.format(value))
        return value

    return AfterValidator(check)


# A path is the most frequent mistake.
SearchUrl = Annotated[
    str, matching(SEARCH_URL_PATTERN, 'TAPELESS_SEARCH_URL is not an address: write "https://USER@HOST:9200"')
]
# As OpenSearch accepts it, with room for a suffix.
IndexName = Annotated[
    str, matching(INDEX_NAME_PATTERN, 'TAPELESS_SEARCH_INDEX "{}" is no name: small letters, digits, "-" and "_"')
]
# Without a path, because links append one.
PublicUrl = Annotated[
    str,
    matching(PUBLIC_URL_PATTERN, 'TAPELESS_PUBLIC_URL "{}" is not an address: write https://HOST without a path'),
    AfterValidator(lambda url: url.rstrip("/")),
]

OidcIssuer = Annotated[
    str, matching(WEB_URL_PATTERN, 'TAPELESS_OIDC_ISSUER "{}" is no address: write https://HOST or https://HOST/PATH')
]
FlowerUrl = Annotated[
    str,
    matching(WEB_URL_PATTERN, 'TAPELESS_FLOWER_URL "{}" is no address: write https://HOST or https://HOST/PATH'),
    AfterValidator(lambda url: url.rstrip("/")),
]

# The full URL of the collector; a missing library is reported at the start, too.
TracesUrl = Annotated[str, AfterValidator(find_traces_endpoint)]


class Settings(BaseSettings):
    """All environment settings; None means that the data folder has an embedded server."""

    model_config = SettingsConfigDict(env_prefix=SETTINGS_PREFIX, frozen=True, hide_input_in_errors=True)

    data: Path = Field(default_factory=default_data_folder)
    database_url: str | None = None
    database_password_file: Path | None = None
    database_ca_file: Path | None = None
    broker_url: str | None = None
    broker_password_file: Path | None = None
    broker_ca_file: Path | None = None
    sentinel_password_file: Path | None = None
    search_url: SearchUrl | None = None
    search_password_file: Path | None = None
    search_ca_file: Path | None = None
    search_index: IndexName = DEFAULT_SEARCH_INDEX
    search_shards: int = Field(default=1, ge=1, le=100)
    search_replicas: int | None = Field(default=None, ge=0, le=10)
    storage_roots: tuple[Path, ...] = ()
    media: Path | None = None
    transcode_profiles: Path | None = None
    mounts: dict[str, str] = {}
    public_url: PublicUrl | None = None
    flower_url: FlowerUrl | None = None
    oidc_issuer: OidcIssuer | None = None
    oidc_client_id: str | None = None
    oidc_client_secret_file: Path | None = None
    oidc_name: str = "single sign-on"
    secret_key: SecretStr | None = None
    secret_key_file: Path | None = None
    smtp_url: str | None = None
    smtp_from: str | None = None
    smtp_password_file: Path | None = None
    webhook_networks: tuple[IpNetwork, ...] = ()
    trusted_proxies: tuple[IpNetwork, ...] = ()
    trigger_user: str | None = None
    log_format: LogFormat = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    traces_url: TracesUrl | None = None
    timing: Timing = Timing()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read values from the caller, then from the environment, and from no other source."""
        return (init_settings, _Environment(settings_cls))

    @field_validator("storage_roots", mode="before")
    @classmethod
    def split_roots(cls, value: object) -> object:
        """Parse folders separated by ':', as in PATH."""
        return tuple(Path(part) for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("mounts", mode="before")
    @classmethod
    def split_mounts(cls, value: object) -> object:
        """Parse ROOT=PLACE pairs separated by ':'. Both are paths; neither is checked on disk here."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(os.pathsep) if part]
        for root, mark, place in pairs:
            if not (mark and root.startswith("/") and place.startswith("/")):
                raise ValueError(f'TAPELESS_MOUNTS "{root}{mark}{place}": write /ROOT/OF/THE/STORAGE=/PLACE/HERE')
        return {root.rstrip("/"): place.rstrip("/") for root, _, place in pairs}

    @field_validator("webhook_networks", "trusted_proxies", mode="before")
    @classmethod
    def split_networks(cls, value: object, info: ValidationInfo) -> object:
        """Parse networks and addresses separated by commas."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        except ValueError as error:
            raise ValueError(f"{setting_variable(str(info.field_name))}: {error}") from None

    @model_validator(mode="after")
    def validate_mail_settings(self) -> Self:
        """Report mistakes in the mail settings at the start, not with the first mail."""
        self._mail_server()
        return self

    @field_validator("timing")
    @classmethod
    def validate_timing(cls, value: Timing) -> Timing:
        """Reject negative times."""
        for name in TIMING_FIELDS:
            if getattr(value, name) < 0:
                raise ValueError(f"{setting_variable(name)} is {getattr(value, name):g}; a time is not negative")
        return value

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises SettingsError with the name of each wrong variable."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("; ".join(_complaints(error))) from None

    @classmethod
    def for_data(cls, data: Path | None) -> Self:
        """Read the environment; a data folder from the command line takes precedence."""
        settings = cls.read()
        return settings if data is None else settings.model_copy(update={"data": data})

    @property
    def search(self) -> SearchSettings:
        """Search settings, as keyword arguments of a connection."""
        if self.search_url is None:
            return {}
        url = with_password(setting_variable("search_url"), self.search_url, self.search_password_file)
        ca_file = str(self.search_ca_file.absolute()) if self.search_ca_file else None
        return {
            "search_url": url,
            "search_index": self.search_index,
            "search_ca_file": ca_file,
            "search_shards": self.search_shards,
            "search_replicas": self.search_replicas,
        }

    @property
    def named_files(self) -> dict[str, Path]:
        """Files that settings name, by their variable."""
        folders = ("data", "media")
        return {setting_variable(name): path for name, path in self if isinstance(path, Path) and name not in folders}

    @property
    def media_folder(self) -> Path:
        """Folder of posters and other previews, shared by all workers and the API."""
        return (self.media or self.data / "media").absolute()

    @property
    def profiles(self) -> TranscodeProfiles:
        """Available transcode profiles."""
        try:
            return load_transcode_profiles(self.transcode_profiles)
        except TranscodeProfilesError as error:
            raise SettingsError(f"{setting_variable('transcode_profiles')}: {error}") from None

    @property
    def oidc(self) -> OidcConfig | None:
        """The provider of sign-ins; None if there is none."""
        if self.oidc_issuer is None or self.oidc_client_id is None:
            if self.oidc_issuer is None and self.oidc_client_id is None:
                return None
            raise SettingsError("set TAPELESS_OIDC_ISSUER and TAPELESS_OIDC_CLIENT_ID together, or neither")
        secret = read_secret_file("TAPELESS_OIDC_CLIENT_SECRET_FILE", self.oidc_client_secret_file)
        return OidcConfig(self.oidc_issuer, self.oidc_client_id, secret, self.oidc_name)

    @property
    def outside(self) -> OutboundConfig:
        """Configuration of mail, webhooks and links."""
        return OutboundConfig(self._mail_server(), self.public_url, self.webhook_networks, self._key())

    def _key(self) -> SigningKey | None:
        secret = self.secret_key.get_secret_value() if self.secret_key is not None else None
        try:
            return load_secret_key(secret, self.secret_key_file, self.data.absolute())
        except ValueError as error:
            raise SettingsError(str(error)) from None

    @property
    def places(self) -> dict[bytes, bytes]:
        """Mounts as byte paths."""
        return {os.fsencode(root): os.fsencode(place) for root, place in self.mounts.items()}

    def _mail_server(self) -> MailServer | None:
        if self.smtp_url is None:
            return None
        if self.smtp_from is None:
            raise ValueError("TAPELESS_SMTP_URL is set but TAPELESS_SMTP_FROM is not: say who the mails come from")
        try:
            return MailServer.parse(self.smtp_url, self.smtp_from, self.smtp_password_file)
        except ValueError as error:
            raise ValueError(f"TAPELESS_SMTP_URL {error}") from None

    def with_search_url(self, url: str | None) -> Self:
        """Return the settings with the search engine given on the command line, if any."""
        if url is not None and not SEARCH_URL_PATTERN.fullmatch(url):
            raise SettingsError("--search: that is not an address: write https://USER@HOST:9200")
        return self if url is None else self.model_copy(update={"search_url": url})

    @property
    def is_data_given(self) -> bool:
        """Whether a data folder was given, on the command line or in the environment."""
        return "data" in self.model_fields_set


@cache
def current_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings.read()


def find_shared_metrics_folder() -> Path | None:
    """Return the metrics folder shared by all processes of this machine, under prometheus_client's own variable
    name."""
    folder = os.environ.get(SHARED_METRICS_VARIABLE)
    return Path(folder) if folder else None


def find_notify_socket() -> str | None:
    """Return the socket on which the service manager waits for this process to be ready, if it does."""
    return os.environ.get(NOTIFY_SOCKET_VARIABLE)


def make_child_environment(**more: str) -> dict[str, str]:
    """Return the environment of a child process: our own, extended by `more`."""
    return dict(os.environ) | more


def _complaints(error: ValidationError) -> Iterator[str]:
    for found in error.errors():
        if found["type"] == "value_error":
            yield str(found["ctx"]["error"])
        else:
            yield f"{setting_variable(str(found['loc'][-1]))}: {found['msg']}"


def with_password(setting: str, url: str, file: Path | None) -> str:
    """Return the URL with the password from the file, if one is given.

    `setting` is the variable of the URL (TAPELESS_DATABASE_URL); that of its file ends with PASSWORD_FILE instead of
    URL.
    """
    name = setting.removesuffix("URL") + "PASSWORD_FILE"
    password = read_secret_file(name, file)
    if password is None:
        return url
    parts = urlsplit(url)
    if parts.password:
        raise SettingsError(f"{setting} holds a password, and {name} is set too: leave one of them out")
    host = parts.netloc.rpartition("@")[2]
    user = quote(parts.username or "", safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def read_secret_file(name: str, file: Path | None) -> str | None:
    """Return the password in a file that the setting `name` gives, if it does."""
    if file is None:
        return None
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        why = f"cannot be read ({error.strerror}): give it to the user of this process"
        raise SettingsError(f'{name} "{file}" {why}') from None
    if not password:
        raise SettingsError(f'{name} "{file}" is empty: write the password into it')
    return password


def setting_variable(field: str) -> str:
    return SETTINGS_PREFIX + field.upper()


class _Environment(PydanticBaseSettingsSource):
    """Source for the TAPELESS_ variables; the timing settings are flat in the environment and nested in Settings."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return os.environ.get(setting_variable(field_name)), field_name, False

    def __call__(self) -> dict[str, Any]:
        known = {
            setting_variable(name): name
            for name in (*self.settings_cls.model_fields, *TIMING_FIELDS)
            if name != "timing"
        }
        # An empty variable counts as unset, because compose files pass on variables that the operator did not set.
        given = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS_PREFIX) and value}
        given = rename_deprecated_settings(given)
        refuse_unknown_settings(given, known)
        values = {known[name]: value for name, value in given.items()}
        times = {name: values.pop(name) for name in TIMING_FIELDS if name in values}
        return values | ({"timing": times} if times else {})


def refuse_unknown_settings(given: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Reject unknown TAPELESS_ variables, and suggest the closest known one."""
    for name in sorted(given.keys() - known.keys()):
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        raise SettingsError(f"{name} is not a setting of Tapeless: {meant}")
