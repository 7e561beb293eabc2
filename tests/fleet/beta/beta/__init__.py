"""A service that is spelt like its tag."""
