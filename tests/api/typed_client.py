"""Generate a typed client from the OpenAPI document, of all its operations or of some.

python -m tests.api.typed_client build/client
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.api.answer_checks import openapi_document

PACKAGE = "tapeless_client"
REFERENCE = re.compile(r'"#/components/(\w+)/([^"]+)"')


def document_of(operations: set[str]) -> dict[str, Any]:
    """Return the document of these operations alone (`POST /API/…`), with the schemas and responses that they need."""
    whole = openapi_document()
    paths = {
        path: kept
        for path, described in whole["paths"].items()
        if (kept := {method: one for method, one in described.items() if f"{method.upper()} {path}" in operations})
    }
    needed: dict[str, dict[str, Any]] = {"schemas": {}, "responses": {}}
    waiting = set(REFERENCE.findall(json.dumps(paths)))
    while waiting:
        found = {(kind, name): whole["components"][kind][name] for kind, name in waiting}
        for (kind, name), one in found.items():
            needed[kind][name] = one
        waiting = {one for one in REFERENCE.findall(json.dumps([*found.values()])) if one[1] not in needed[one[0]]}
    security = whole["components"]["securitySchemes"]
    return {**whole, "paths": paths, "components": {**needed, "securitySchemes": security}}


def generate_client(folder: Path, document: dict[str, Any]) -> str:
    """Write the package of the client into a folder; return the warnings of the generator."""
    folder.mkdir(parents=True, exist_ok=True)
    source, settings = folder / "openapi.json", folder / "generator.json"
    source.write_text(json.dumps(document))
    settings.write_text(json.dumps({"post_hooks": []}))
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--overwrite")
    options = ("--path", str(source), "--config", str(settings), "--output-path", str(folder / PACKAGE))
    done = subprocess.run((*command, *options), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


if __name__ == "__main__":
    generate_client(Path(sys.argv[1]), openapi_document())
