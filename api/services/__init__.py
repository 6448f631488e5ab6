"""Routes, one module per subject; each registers on the service of iconik's API that its path names."""
