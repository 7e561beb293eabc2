"""A setup.py that takes its version from `git describe` made compliant, with nothing lost.

`setup_file` reads setup.py, `declarative` setup.cfg; `keywords` and `metadata` make a pyproject.toml of them, `licence`
its licence (PEP 639), and `untold` says what of setup.py can't be told. `document` puts that into a file, `coverage`
says what one that is there leaves out; `stub` is what stays of setup.py, `normaliser` the function that goes into one
that stays, `pointer` says where a version is written, `said` what setup.py makes of what git says, `policy` what
becomes of it. `plan` puts these together, `verify` builds both and compares, with `standins` for make and its like.
"""
