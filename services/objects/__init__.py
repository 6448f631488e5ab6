"""Lookups that treat assets, collections and segments alike."""
