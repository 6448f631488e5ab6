"""Addresses of servers as operators write them: the password may stand in a file, as container secrets do."""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

DRIVER = "postgresql+psycopg"


class AddressError(ValueError):
    """An address or its password file is wrong; the text names the setting."""


def with_password(setting: str, url: str, file: Path | None) -> str:
    """The address with the password that the file holds, where one is named.

    `setting` is the address's own name (TAPELESS_DATABASE_URL); its file's ends with PASSWORD_FILE instead of URL.
    """
    if file is None:
        return url
    name = setting.removesuffix("URL") + "PASSWORD_FILE"
    parts = urlsplit(url)
    if parts.password:
        raise AddressError(f"{setting} holds a password, and {name} is set too: leave one of them out")
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        why = f"cannot be read ({error.strerror}): give it to the user of this process"
        raise AddressError(f'{name} "{file}" {why}') from None
    if not password:
        raise AddressError(f'{name} "{file}" is empty: write the password into it')
    host = parts.netloc.rpartition("@")[2]
    user = quote(parts.username or "", safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def database_address(url: str) -> str:
    """PostgreSQL's usual address, for the one driver that is here."""
    scheme, mark, rest = url.partition("://")
    return f"{DRIVER}{mark}{rest}" if scheme in ("postgresql", "postgres") else url
