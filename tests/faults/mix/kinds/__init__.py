"""All kinds of faults: importing this fills the registry."""

import tests.faults.mix.kinds.file_faults
import tests.faults.mix.kinds.process_faults
import tests.faults.mix.kinds.server_faults  # noqa: F401
from tests.faults.mix.kinds.registry import KINDS

__all__ = ["KINDS"]
