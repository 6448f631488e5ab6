"""Download tickets, streaming, archives and previews as they are served."""
