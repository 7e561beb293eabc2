"""The names of columns, in full and as one types them."""

from collections.abc import Mapping
from typing import Any

from relengtools.errors import RelengError

SHORT = {
    "rss": ("rss_bytes", "process_resident_memory_bytes"),
    "anon": ("anon_bytes",),
    "vms": ("vms_bytes",),
    "fds": ("num_fds", "process_open_fds"),
    "sockets": ("n_sockets",),
    "unlisted": ("sockets_unlisted",),
    "close_wait": ("tcp_close_wait",),
    "files": ("n_reg_files",),
    "pipes": ("n_pipes",),
    "threads": ("n_threads", "go_threads"),
    "goroutines": ("go_goroutines", "goroutines"),
    "heap": ("go_memstats_heap_inuse_bytes",),
    "next_gc": ("go_memstats_next_gc_bytes",),
    "stacks": ("go_memstats_stack_inuse_bytes",),
}
"""Names to type, and the columns that they stand for: the first that is there."""


def named(name: str, columns: Mapping[str, Any], source: str) -> str:
    """The column that a full or short name stands for; raises RelengError if there is none."""
    if name in columns:
        return name
    for column in SHORT.get(name, ()):
        if column in columns:
            return column
    wanted = " or ".join(SHORT.get(name, (ascii(name)[1:-1],)))
    there = ", ".join(list(columns)[:6]) + (", …" if len(columns) > 6 else "")
    raise RelengError(f"{source}: has no values for a column {wanted}; it has {there or 'none'}")
