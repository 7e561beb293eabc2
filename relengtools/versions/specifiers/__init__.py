"""Dependency specifiers: `judge` says what a text is, `legacy` what a refused one meant; `canonical` is quick."""
