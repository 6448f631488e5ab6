"""What reading the sidecars of one asset may cost."""

from media.confinement import Limits

LIMITS = Limits(wall_seconds=30, cpu_seconds=10, memory_bytes=768 << 20)
MEMBERS = 40
"""Files of one asset's sidecars that are read; a clip of a card has five."""
