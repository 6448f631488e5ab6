"""The pages of a share."""
