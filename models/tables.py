"""All tables in one place, for migrations: importing this registers every one on `Base.metadata`."""

from models.asset import Asset, Component, FileSet, FileSetFile, Format
from models.base import Base
from models.file import File, Folder
from models.history import History
from models.index_mark import IndexMark, SearchDocument
from models.island import Island
from models.job import Job
from models.storage import Storage

__all__ = [
    "Asset",
    "Base",
    "Component",
    "File",
    "FileSet",
    "FileSetFile",
    "Folder",
    "Format",
    "History",
    "IndexMark",
    "Island",
    "Job",
    "SearchDocument",
    "Storage",
]
