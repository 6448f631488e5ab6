"""Server URLs as operators write them; the password may be in a file, as with container secrets."""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

DATABASE_DRIVER = "postgresql+psycopg"


class ServerUrlError(ValueError):
    """A URL or its password file is wrong; the message names the setting."""


def with_password(setting: str, url: str, file: Path | None) -> str:
    """Return the URL with the password from the file, if one is given.

    `setting` is the variable of the URL (TAPELESS_DATABASE_URL); that of its file ends with PASSWORD_FILE instead of
    URL.
    """
    if file is None:
        return url
    name = setting.removesuffix("URL") + "PASSWORD_FILE"
    parts = urlsplit(url)
    if parts.password:
        raise ServerUrlError(f"{setting} holds a password, and {name} is set too: leave one of them out")
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        why = f"cannot be read ({error.strerror}): give it to the user of this process"
        raise ServerUrlError(f'{name} "{file}" {why}') from None
    if not password:
        raise ServerUrlError(f'{name} "{file}" is empty: write the password into it')
    host = parts.netloc.rpartition("@")[2]
    user = quote(parts.username or "", safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def to_driver_url(url: str) -> str:
    """Return a PostgreSQL URL for the installed driver."""
    scheme, mark, rest = url.partition("://")
    return f"{DATABASE_DRIVER}{mark}{rest}" if scheme in ("postgresql", "postgres") else url
