"""Descriptions of the API and of its services; each says what is iconik's contract and what is not."""

from collections.abc import Mapping

DOCUMENT_DESCRIPTION = """\
The API of Tapeless speaks a subset of iconik's API, so that a client of iconik works against it by another base URL.
Operations marked `x-tapeless-extension` are none of iconik. Operations marked `x-tapeless-constant` change nothing and
always answer the same; they exist for clients that call them. A property with one possible value is one that iconik
has and Tapeless does not use.

Send the headers `App-ID` and `Auth-Token`. Errors are `{"errors": [...]}` or `{"errors": {"field": "message"}}`. Writes
take an `Idempotency-Key` header: the same key and body answers what it answered before.
"""
SERVICE_DESCRIPTIONS: Mapping[str, str] = {
    "acls": "Permissions of users, groups and shares on objects. iconik's contract.",
    "assets": "Assets, collections, relations, segments, approvals, shares, history and the delete queue. iconik's "
    "contract; manual grouping is an extension.",
    "auth": "Sign-in, tokens and apps. iconik's contract; the list of the caller's sign-ins is an extension.",
    "files": "Storages, formats, file sets, files, previews and renditions. iconik's contract; signed URLs of whole "
    "formats, readiness and rebuilds of media are extensions.",
    "jobs": "Jobs of Tapeless and of other systems. iconik's contract; the backlog of all work is an extension.",
    "metadata": "Metadata fields, views, categories and values. iconik's contract.",
    "notifications": "Webhooks. iconik's contract; deliveries, retries and the renewal of secrets are extensions.",
    "search": "Search, suggestions, saved searches and the search history. iconik's contract.",
    "transcode": "Requests for renditions of a format. An extension: iconik's own service has other operations.",
    "trigger": "Requests from other systems, by name. An extension.",
    "users": "Users and groups. iconik's contract; the audit log is an extension.",
}
