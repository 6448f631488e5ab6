"""Still pictures: opening, headers and previews, in a program of their own."""
