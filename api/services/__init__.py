"""The routes, one module a subject; each registers on the service of iconik's that its path names."""
