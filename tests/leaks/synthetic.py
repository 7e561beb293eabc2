"""Seeded series with a known truth."""

import numpy as np

from relengtools.leaks.series import Frame


def sessions(rng, n, arrive, stay):
    """Clients that come at `arrive` a step and stay `stay` steps: how many are there (n,), how many have left (n,)."""
    begins = np.sort(rng.uniform(-5 * stay, n, rng.poisson(arrive * (n + 5 * stay))))
    ends = np.sort(begins + rng.exponential(stay, len(begins)))
    steps = np.arange(n)
    gone = np.searchsorted(ends, steps, "right")
    return (np.searchsorted(begins, steps, "right") - gone).astype(float), (gone - gone[0]).astype(float)


def frame(columns, step=1.0, start=1.7e9, starts=(), source="synthetic"):
    """A frame with a row each `step` seconds."""
    n = len(next(iter(columns.values())))
    arrays = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
    return Frame(source, start + step * np.arange(n), arrays, np.asarray(starts, dtype=float))


def bouncer(seed=0, n=1200, goroutine_leak=0.0, fd_leak=0.0, wave=False):
    """A bouncer with clients and upstreams whose counts obey identities; leaks are per row of a Poisson process."""
    rng = np.random.default_rng(seed)
    down, gone = sessions(rng, n, 0.2, 60)
    if wave:
        down = down + np.round(20 - 20 * np.cos(2 * np.pi * np.arange(n) / 300))
    up = np.full(n, 12.0) - (rng.random(n) < 0.05)
    users = 6.0 + (np.arange(n) > n // 3)
    blink = rng.poisson(0.3, n)
    fds = 14 + down + up + blink + np.cumsum(rng.poisson(fd_leak, n))
    goroutines = 14 + 3 * down + 5 * up + users + rng.poisson(0.3, n) + np.cumsum(rng.poisson(goroutine_leak, n))
    return {
        "downstreams": down,
        "upstreams": up,
        "users": users,
        "num_fds": fds,
        "n_sockets": 5 + down + up,
        "go_goroutines": goroutines,
        "closed_total": gone,
    }
