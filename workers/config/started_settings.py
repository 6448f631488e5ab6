"""Settings that a system was started with, for the commands that ask it.

What a command causes is done by the processes of the system: mails by its mail server, links by its key. A shell has
other variables than the service manager or the terminal that started `tapeless up`, so commands go by what `up`
announced.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.core.signing_key import SigningKey
from workers.config.secret_key import load_secret_key
from workers.config.settings import Settings, SettingsError

STARTED_SETTINGS = frozenset(
    {
        *("media", "mounts", "transcode_profiles", "public_url", "webhook_networks", "timing"),
        *("smtp_url", "smtp_from", "smtp_password_file"),
    }
)
"""Fields that commands use; none of them holds a secret. The file of the key is announced, but read for links only."""
KEY_FILE, KEY_CHECK = "secret_key_file", "key_check"
KEY_CHECK_PURPOSE = "which key"


def dump_started_settings(settings: Settings) -> dict[str, Any]:
    """Return the announcement of these settings, as JSON; paths are absolute, for a command runs in another folder."""
    names = {*STARTED_SETTINGS, KEY_FILE}
    dumped = settings.model_dump(mode="json", include=names)
    paths = {name: getattr(settings, name) for name in names}
    dumped |= {name: str(path.absolute()) for name, path in paths.items() if isinstance(path, Path)}
    key = settings.outside.key
    return dumped | {KEY_CHECK: None if key is None else _check_of(key)}


def apply_started_settings(settings: Settings, announced: Mapping[str, Any]) -> Settings:
    """Return the settings of a command with those of the system; what an older one did not announce stays its own."""
    names = STARTED_SETTINGS & announced.keys()
    if not names:
        return settings
    started = Settings(**{name: announced[name] for name in names})
    return settings.model_copy(update={name: getattr(started, name) for name in names})


def find_started_key(settings: Settings, announced: Mapping[str, Any]) -> SigningKey | None:
    """Return the key that the system signs links with; None if there is none.

    Raises SettingsError if only its environment holds it: links that another one signed would not open.
    """
    wanted, file = announced.get(KEY_CHECK), announced.get(KEY_FILE)
    if wanted is None:
        return settings.outside.key
    of_system = settings.model_copy(update={"secret_key": None, KEY_FILE: Path(file) if file else None})
    for each in (settings, of_system):
        key = each.outside.key
        if key is not None and _check_of(key) == wanted:
            return key
    raise SettingsError(
        "the running system was started with a TAPELESS_SECRET_KEY that this shell does not have: set it here, too, "
        "or start the system with TAPELESS_SECRET_KEY_FILE, which commands find"
    )


def is_kept_key_used(settings: Settings, announced: Mapping[str, Any]) -> bool:
    """Return whether the system signs links with the key of its data folder, as far as it announced that."""
    wanted = announced.get(KEY_CHECK)
    kept = load_secret_key(None, None, settings.data.absolute()) if wanted is not None else None
    return wanted is None or (kept is not None and _check_of(kept) == wanted)


def _check_of(key: SigningKey) -> str:
    return key.sign(KEY_CHECK_PURPOSE, b"").hex()
