"""ACLs, ACL templates and shares by ACL."""
