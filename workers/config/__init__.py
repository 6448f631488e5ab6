"""Settings, logs, traces and where the running system is."""
