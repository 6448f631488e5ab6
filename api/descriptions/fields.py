"""All descriptions of fields, by name; `Schema.name` where a name means something else in one schema."""

from collections.abc import Mapping

from api.descriptions.catalog_fields import CATALOG_FIELDS
from api.descriptions.file_fields import FILE_FIELDS
from api.descriptions.metadata_fields import METADATA_FIELDS
from api.descriptions.shared_fields import SHARED_FIELDS
from api.descriptions.work_fields import WORK_FIELDS

FIELD_DESCRIPTIONS: Mapping[str, str] = {
    **SHARED_FIELDS,
    **CATALOG_FIELDS,
    **FILE_FIELDS,
    **METADATA_FIELDS,
    **WORK_FIELDS,
}
