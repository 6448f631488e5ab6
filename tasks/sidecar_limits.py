"""Resource limits for reading the sidecars of one asset."""

from media.confinement import Limits

LIMITS = Limits(wall_seconds=30, cpu_seconds=10, memory_bytes=768 << 20)
MEMBERS = 40
"""Maximum number of sidecar files per asset; a clip of a camera card has five."""
