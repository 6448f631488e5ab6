"""Assets, their formats, files and relations."""
