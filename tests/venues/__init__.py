"""Small servers that speak a venue's dialect, each with a book of its own that is known to be true."""
