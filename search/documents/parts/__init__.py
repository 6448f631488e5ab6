"""Parts of a document, each read in one statement for a whole batch."""
