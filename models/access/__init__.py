"""Users, ACLs, shares and the audit log."""
