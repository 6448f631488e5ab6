"""Server-rendered pages: plain HTML that works without JavaScript."""
