"""From dirty islands to assets: claim, read, group, match, write."""
