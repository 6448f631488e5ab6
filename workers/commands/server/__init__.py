"""Commands that run, check and maintain the system."""
