"""The index: tokens, documents, the query language and the engines that answer it."""
