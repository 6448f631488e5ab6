"""Documents of assets, collections and segments."""
