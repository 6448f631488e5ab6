"""Identity and file system of a storage's root, and the limit above which deletions freeze."""

import os
from dataclasses import dataclass

from models.core.bigint import to_signed_bigint

NETWORK_FILE_SYSTEMS = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ncpfs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
    ]
)
MIN_FREEZE_FILES, MIN_FREEZE_SHARE = 100, 0.2
MOUNTINFO_PATH = "/proc/self/mountinfo"


@dataclass(frozen=True, slots=True)
class RootIdentity:
    """Device and inode of a root: another device under the same path is another disk or a lost mount."""

    device: int
    inode: int


def identify_root(root: bytes) -> RootIdentity | None:
    """Return the root's identity, or None if it is not readable as a folder."""
    try:
        with os.scandir(root):
            status = os.stat(root)
    except OSError:
        return None
    return RootIdentity(to_signed_bigint(status.st_dev), to_signed_bigint(status.st_ino))


def is_network_file_system(root: bytes) -> bool:
    """Return whether the root is on a network file system; these are only scanned, as remote events are lost."""
    device = os.stat(root).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open(MOUNTINFO_PATH, encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            before, _, after = line.partition(" - ")
            if before.split()[2] == wanted:
                return after.split()[0] in NETWORK_FILE_SYSTEMS
    return False


def must_freeze_deletions(vanished: int, recorded: int) -> bool:
    """Return whether so many files vanished at once that a lost mount is more likely than a deletion."""
    return vanished > MIN_FREEZE_FILES and vanished > MIN_FREEZE_SHARE * recorded
