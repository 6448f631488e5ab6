"""External links, recipients, guests and the end of a share."""
