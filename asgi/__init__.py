"""What the API and the web pages share: request context, transaction, authentication, limits, URLs and errors."""
