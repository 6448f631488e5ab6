"""Resource limits for reading the sidecars of one asset."""

from media.sandbox.seccomp import ResourceLimits

SIDECAR_LIMITS = ResourceLimits(wall_seconds=30, cpu_seconds=10, memory_bytes=768 << 20)
MAX_SIDECAR_FILES = 40
"""Maximum number of sidecar files per asset; a clip of a camera card has five."""
