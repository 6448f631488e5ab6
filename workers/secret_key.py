"""Location of the signing key: in the environment, in a file of the operator, or in the data folder of `tapeless up`.

The key gives access to every share and every download without a password. It is never printed. Losing it invalidates
all links; the shares themselves remain and can issue new ones.
"""

from pathlib import Path

from tasks.server_key import LEAST_BYTES, ServerKey
from workers.embedded.data_folder import keep_secret

FILE = "secret-key"


def make_key(data: Path) -> None:
    """Create the key of a data folder if it is missing, readable by its owner only."""
    keep_secret(data / FILE)


def find_key(secret: str | None, file: Path | None, data: Path) -> ServerKey | None:
    """Return the key, or None if there is none. Raises ValueError if one is configured and cannot be used."""
    if secret is not None:
        return _checked(secret, "TAPELESS_SECRET_KEY")
    if file is not None:
        try:
            return _checked(file.read_text(encoding="utf-8"), f'TAPELESS_SECRET_KEY_FILE "{file}"')
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f'TAPELESS_SECRET_KEY_FILE "{file}" cannot be read: {error}') from None
    made = data / FILE
    return _checked(made.read_text(encoding="utf-8"), f'"{made}"') if made.is_file() else None


def _checked(text: str, where: str) -> ServerKey:
    secret = text.strip().encode()
    if len(secret) < LEAST_BYTES:
        raise ValueError(
            f"{where} has {len(secret)} bytes: give at least {LEAST_BYTES}, as of `openssl rand -base64 48`"
        )
    return ServerKey(secret)
