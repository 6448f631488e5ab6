"""Assets, collections, relations, history, approvals and their delete queues."""
