"""Shares and the sign-in of their guests."""
