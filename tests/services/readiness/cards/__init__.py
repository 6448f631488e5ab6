"""Copies of camera cards and deliveries, whole ones and damaged ones, with the answer that each has to get.

They were written from specifications and from what devices write, by someone who had not read the program:

- Payloads are no media: a few kB behind the first bytes that a file of its kind has. Where an index states sizes, sums
  or durations, the whole fixtures agree with it.
- `names` are paths which the answer has to name. A refuted answer may name more files.
- Where a specification leaves it open, `why` says "(unsure: …)".
"""

from tests.services.readiness.cards.cameras import PROFESSIONAL_CARDS
from tests.services.readiness.cards.lists import LISTED
from tests.services.readiness.cards.packages import PACKAGES
from tests.services.readiness.cards.recorders import OTHER_CARDS

CARDS = PROFESSIONAL_CARDS + OTHER_CARDS + PACKAGES + LISTED
