"""What each aggregate adds to the documents of assets, collections and segments."""
