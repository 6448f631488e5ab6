"""Words of the OpenAPI document: what each service is, and what a field means wherever its name appears."""
