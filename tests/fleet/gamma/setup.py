#!/usr/bin/env python3
from setuptools import setup

# What `git describe` said when somebody wrote it down.
VERSION = "0.62.4-2-ga73a73b"

setup(
    name="gamma",
    version=VERSION,
    description="Invalid: pip and build refuse it",
    packages=["gamma"],
    python_requires=">=3.11",
)
