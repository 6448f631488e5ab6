"""Location of the signing key: in the environment, in a file of the operator, or in the data folder of `tapeless up`.

The key gives access to every share and every download without a password. It is never printed. Losing it invalidates
all links; the shares themselves remain and can issue new ones.
"""

from pathlib import Path

from services.core.signing_key import MIN_KEY_BYTES, SigningKey
from workers.embedded.data_folder import load_or_create_secret

SECRET_KEY_FILE = "secret-key"


def create_secret_key(data: Path) -> None:
    """Create the key of a data folder if it is missing, readable by its owner only."""
    load_or_create_secret(data / SECRET_KEY_FILE)


def load_secret_key(secret: str | None, file: Path | None, data: Path) -> SigningKey | None:
    """Return the key, or None if there is none. Raises ValueError if one is configured and cannot be used."""
    if secret is not None:
        return _parse_secret_key(secret, "TAPELESS_SECRET_KEY")
    if file is not None:
        try:
            return _parse_secret_key(file.read_text(encoding="utf-8"), f'TAPELESS_SECRET_KEY_FILE "{file}"')
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f'TAPELESS_SECRET_KEY_FILE "{file}" cannot be read: {error}') from None
    made = data / SECRET_KEY_FILE
    return _parse_secret_key(made.read_text(encoding="utf-8"), f'"{made}"') if made.is_file() else None


def _parse_secret_key(text: str, where: str) -> SigningKey:
    secret = text.strip().encode()
    if len(secret) < MIN_KEY_BYTES:
        raise ValueError(
            f"{where} has {len(secret)} bytes: give at least {MIN_KEY_BYTES}, as of `openssl rand -base64 48`"
        )
    return SigningKey(secret)
