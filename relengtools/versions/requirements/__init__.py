"""Where requirements stand in a project's files, one module a format; `locate` finds them all."""
