"""Approval requests, votes and the status that follows from them."""
