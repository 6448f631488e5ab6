"""Routes of the API, one package a service of its contract."""
