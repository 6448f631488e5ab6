"""Transcoding: jobs, plans, profiles, encoding and the files that were made."""
