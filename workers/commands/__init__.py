"""The commands of `tapeless`."""
