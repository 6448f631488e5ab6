"""Headers of media files: streams, rates, durations, captions."""
