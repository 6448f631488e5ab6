"""Add the OpenAPI document to the site: mkdocs calls this hook while it builds."""

import json

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tests.api.answer_checks import openapi_document


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Write the document beside the pages of the API."""
    document = json.dumps(openapi_document(), ensure_ascii=False, indent=1)
    files.append(File.generated(config, "api/openapi.json", content=document))
    return files
