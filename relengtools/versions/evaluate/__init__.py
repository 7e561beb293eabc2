"""A small safe subset of Python, evaluated and never run: what a version expression gives, and where its text stands.

`interpreter` executes statements, `expressions` what is in them; `known` are the functions of the standard library that
version expressions use, `methods` those of strings and containers, `values` what they work on.
"""
