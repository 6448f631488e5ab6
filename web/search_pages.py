"""The list of assets: search with facets, as a grid of posters or a table. What was chosen is in the address."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy.orm import Session
from starlette.responses import Response

from models.catalog.asset import KeyframeType
from models.catalog.collection import Collection
from models.catalog.metadata import MetadataField
from models.core.sessions import transact
from search.engine import SearchHit, SearchResults
from search.query.criteria import MAX_PAGED_HITS, parse_criteria
from services.catalog.assets.formats import load_asset_durations
from services.core.text import label_structure
from services.downloads.previews import KeyframeView, load_keyframes
from services.searching.metadata_terms import make_range_kind_reader
from services.searching.query import search_as
from services.viewing.related import list_tag_fields, list_writable_collections
from services.viewing.tree import load_asset_sizes
from web.console import PageRoute, Visit
from web.player import SignedUrls
from web.words import format_size

HITS_PER_PAGE = 48
MAX_SHOWN_BUCKETS = 12
FACETS = {
    "media_type": "Kind",
    "format_kind": "Format",
    "codec": "Codec",
    "approval_status": "Approval",
    "is_online": "Files",
    "has_warning": "Warnings",
}
FACET_WORDS: dict[str, dict[str, str]] = {
    "format_kind": {"transcode": "copy to watch"},
    "is_online": {"true": "here", "false": "missing"},
    "has_warning": {"true": "with warnings", "false": "without"},
    "approval_status": {
        "REQUESTED": "waiting",
        "APPROVED": "approved",
        "NOT_APPROVED": "rejected",
        "MIXED": "votes differ",
        "N/A": "not asked",
    },
}
SORTS = {
    "": "newest first",
    "title": "by title",
    "-size_bytes": "largest first",
    "-duration_milliseconds": "longest first",
}


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """A value of a facet, with the address that chooses it or takes it back."""

    label: str
    count: int | None
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ListedAsset:
    """A hit as the list shows it."""

    hit: SearchHit
    picture: str | None
    duration_ms: int | None
    size: str | None


def list_assets(visit: Visit) -> Response:
    """Search the assets that the user reads."""
    sort, number = visit.query("sort"), visit.number("page")
    chosen = [(name, visit.query(name)) for name in FACETS if visit.query(name)]
    order = {"name": sort.lstrip("-"), "order": "desc" if sort.startswith("-") else "asc"}
    body = {
        "query": visit.query("q"),
        "doc_types": ["assets"],
        "facets": list(FACETS),
        "facets_filters": [{"name": name, "value": value} for name, value in chosen],
        "sort": [order] if sort in SORTS and sort else [],
    }
    number = min(number, MAX_PAGED_HITS // HITS_PER_PAGE)
    sessions = visit.context.sessions
    kind_of = make_range_kind_reader(lambda work: transact(sessions, work))
    criteria = parse_criteria(body, number, HITS_PER_PAGE, kind_of)
    results = search_as(sessions, visit.context.engine, criteria, visit.actor)
    may_select = not visit.actor.only_browses

    def load(session: Session) -> tuple[list[ListedAsset], Sequence[MetadataField], Sequence[Collection]]:
        fields = list_tag_fields(session) if may_select else ()
        writable = list_writable_collections(session, visit.actor) if may_select else ()
        return load_listed(session, visit, results.hits), fields, writable

    assets, fields, writable = transact(sessions, load)
    return visit.page(
        "console/assets.html",
        may_select=may_select,
        back=address(visit),
        tag_fields=fields,
        writable=writable,
        query=visit.query("q"),
        view="table" if visit.query("view") == "table" else "grid",
        view_urls={view: address(visit, view=view, page="") for view in ("", "table")},
        sorts=SORTS,
        sort=sort if sort in SORTS else "",
        chosen=chosen,
        total=results.total,
        assets=assets,
        facets=list_facets(visit, results),
        clear_url=f"/assets?{urlencode({'view': visit.query('view')})}" if visit.query("view") else "/assets",
        number=number,
        last=max(1, math.ceil(min(results.total, MAX_PAGED_HITS) / HITS_PER_PAGE)),
        page_urls={step: address(visit, page=str(number + step)) for step in (-1, 1)},
    )


def address(visit: Visit, **changed: str) -> str:
    """Return the address of this list with other parameters; empty ones are left out."""
    names = ("q", "sort", "view", "page", *FACETS)
    values = {name: changed.get(name, visit.query(name)) for name in names}
    said = urlencode({name: value for name, value in values.items() if value})
    return f"/assets?{said}" if said else "/assets"


def load_listed(session: Session, visit: Visit, hits: Sequence[SearchHit]) -> list[ListedAsset]:
    """Load the small pictures and durations of hits, in two queries."""
    ids = [hit.object_id for hit in hits]
    pictures = load_keyframes(session, visit.actor, ids)
    durations = load_asset_durations(session, ids)
    sizes = load_asset_sizes(session, ids)
    urls = SignedUrls(visit.key, visit.signed_in.token_id)
    listed = []
    for hit in hits:
        small = smallest_picture(pictures.get(hit.object_id, ()))
        size = sizes.get(hit.object_id)
        listed.append(
            ListedAsset(
                hit,
                urls.picture(small) if small is not None else None,
                durations.get(hit.object_id),
                format_size(size) if size else None,
            )
        )
    return listed


def smallest_picture(pictures: Sequence[KeyframeView]) -> KeyframeView | None:
    """Return the picture for lists: the small one, or the waveform of a sound."""
    shown = [one for one in pictures if one.row.type is not KeyframeType.KEYFRAME_MAP]
    return next((one for one in shown if one.row.type is KeyframeType.KEYFRAME), shown[0] if shown else None)


def list_facets(visit: Visit, results: SearchResults) -> list[tuple[str, list[FacetChoice]]]:
    """Return the facets that divide the hits, and those that were chosen."""
    shown = []
    for name, title in FACETS.items():
        now = visit.query(name)
        buckets = results.facets.get(name, [])[:MAX_SHOWN_BUCKETS]
        if now and now not in [text_of(bucket.key) for bucket in buckets]:
            taken = [FacetChoice(label_value(name, now), None, address(visit, **{name: "", "page": ""}), True)]
        else:
            taken = []
        choices = taken + [
            FacetChoice(
                label_value(name, bucket.key),
                bucket.doc_count,
                address(visit, **{name: "" if text_of(bucket.key) == now else text_of(bucket.key), "page": ""}),
                text_of(bucket.key) == now,
            )
            for bucket in buckets
        ]
        if len(choices) > 1 or now:
            shown.append((title, choices))
    return shown


def text_of(value: object) -> str:
    """Return the value of a facet as an address has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def label_value(name: str, value: object) -> str:
    """Return the value of a facet in words."""
    text = text_of(value)
    known = FACET_WORDS.get(name, {}).get(text)
    if known is not None:
        return known
    return label_structure(text).removeprefix("single ") if name == "format_kind" else text


SEARCH_ROUTES = (PageRoute("GET", "/assets", list_assets, is_search=True),)
