"""ASC MHL histories in both directions: what another program says of ours, and we of its."""
