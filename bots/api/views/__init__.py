"""Views of the REST API, a noun or two a file."""
