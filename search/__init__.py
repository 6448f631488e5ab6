"""Search index: tokens, documents, the query language, and the engines that execute queries."""
