"""One reader per format, each a module with ``read(file) -> Iterator[Record]``; ``config.formats`` names them."""
