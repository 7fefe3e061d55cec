"""The outside world: everything until there is a Document.

A locator (an arXiv id, a URL, a file, a bibliography) becomes raw bytes, then a version with its
text, then passages in the store. `kb` never imports this package.
"""
