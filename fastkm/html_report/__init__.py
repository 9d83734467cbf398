"""A result as one page for a browser: `contents` is what it shows, `page` writes it."""
