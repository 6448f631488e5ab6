"""One module for each subcommand of `tapeless`: parse, call, print."""
