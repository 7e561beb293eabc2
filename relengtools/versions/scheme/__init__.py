"""Version strings: `pep440` says what a text is, `describe` what git's output means."""
