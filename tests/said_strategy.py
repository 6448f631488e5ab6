"""Values of each of the twelve types, as clients send them."""

import string
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
LABELS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)
ZONES = [UTC, *(timezone(timedelta(minutes=minutes)) for minutes in (120, -330, 14 * 60))]
FIRST, LAST = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001 - in whatever zone the value has
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.sampled_from(ZONES))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": WORDS,
    "string_exact": WORDS,
    "text": WORDS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)).map(date.isoformat),
    "datetime": MOMENTS.map(datetime.isoformat),
    "drop_down": st.sampled_from(["a", "B c", "ä", "1", "true"]),
    "tag_cloud": WORDS,
    "email": st.tuples(LABELS, LABELS).map(lambda parts: f"{parts[0]}@{parts[1]}.example"),
    "url": st.tuples(LABELS, LABELS).map(lambda parts: f"https://{parts[0].lower()}.example/{parts[1]}"),
}
