"""Parts that aggregates contribute to the documents of assets, collections and segments."""
