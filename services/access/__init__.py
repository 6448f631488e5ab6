"""Users, groups, tokens, sign-in limits and permissions."""
