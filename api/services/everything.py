"""Every module of routes; the order here is of no matter."""

from api.services import tokens, user_groups, users

SERVICES = (tokens.routes, user_groups.routes, users.routes)
