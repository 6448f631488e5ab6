"""Requests from other systems: what they may ask for, and how it runs."""
