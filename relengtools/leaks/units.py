"""Numbers for people: amounts, rates and durations with their units, which the name of a metric tells."""

import math

YEAR_10000 = 253_402_300_800
"""In seconds since 1970, the end of the calendar; milliseconds have been beyond it since 1978."""
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_BYTES = {unit: 1024.0**power for power, unit in enumerate(_BINARY)}
_BYTES |= {"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
_TIMES = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def is_bytes(metric: str) -> bool:
    """Whether `metric` is in bytes, by its Prometheus base unit (`_bytes`, also before a label or `_total`)."""
    return metric.partition("{")[0].removesuffix("_total").endswith("_bytes")


def is_seconds(metric: str) -> bool:
    """Whether `metric` is in seconds, by its Prometheus base unit."""
    return metric.partition("{")[0].removesuffix("_total").endswith("_seconds")


def amount(metric: str, value: float) -> str:
    """`value` of `metric` with its unit: `20.3 MiB`, `15`, `0.2 s`."""
    if is_bytes(metric):
        return _binary(value)
    number = f"{value + 0.0:,.0f}" if float(value).is_integer() else _three(value)
    return f"{number} s" if is_seconds(metric) else number


def per_time(metric: str, per_second: float) -> str:
    """A rate of `metric` a second in the unit that reads best, sign included: `+1.2 MiB/h`, `-3/d`."""
    return _per(metric, per_second, _span(metric, per_second))


def with_interval(metric: str, rate: float | None, low: float | None, high: float | None, beside: float = 0.0) -> str:
    """A rate and its interval by one unit of time: `+12/h (+9/h to +15/h)`; what is None or no wider is left out.

    The unit is that of the rate where the interval doesn't hold 0, so that it's told alike elsewhere; or that of a rate
    `beside` it if that is greater, so that the two can be compared.
    """
    if rate is None:
        return ""
    if low is None or high is None or low == high:
        return _per(metric, rate, _span(metric, max(abs(rate), beside)))
    most = abs(rate) if low > 0 or high < 0 else max(high, -low)
    span = _span(metric, max(most, beside))
    value, bottom, top = (_per(metric, x, span) for x in (rate, low, high))
    return f"{value} ({bottom} to {top})"


def counted(count: int, noun: str) -> str:
    """`1 sample`, `2 samples`, `1,000 samples`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """`seconds` in one or two units: `45 s`, `12 min`, `3 h 20 min`, `21 d`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 14 else f"{days} d"


def _span(metric: str, per_second: float) -> tuple[str, float]:
    """An hour, unless that gives less than one (or a KiB): then a day; or a crowd: then a second."""
    least = 1024.0 if is_bytes(metric) else 1.0
    if abs(per_second) * 60.0 >= 1000 * least:
        return "s", 1.0
    return ("h", 3600.0) if abs(per_second) * 3600.0 >= least else ("d", 86400.0)


def _per(metric: str, per_second: float, span: tuple[str, float]) -> str:
    value = per_second * span[1]
    number = _binary(abs(value)) if is_bytes(metric) else _three(abs(value)) + " s" * is_seconds(metric)
    sign = "" if float(number.split()[0].replace(",", "")) == 0 else "-" if value < 0 else "+"
    return f"{sign}{number}/{span[0]}"


def _three(value: float) -> str:
    """Three digits, or all that stand before the point."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) >= 1e-3 or abs(value) < 1e-12:
        return f"{round(value, 12):.3g}"
    return f"{value:.{2 - math.floor(math.log10(abs(value)))}f}".rstrip("0")


def _binary(value: float) -> str:
    power = 0
    while abs(value) >= 999.5 and power < len(_BINARY) - 1:
        value, power = value / 1024, power + 1
    return f"{round(value)} B" if power == 0 else f"{_three(value)} {_BINARY[power]}"


def parse_amount(text: str) -> tuple[float, bool]:
    """`2GiB`, `1.5 MB`, `500` → the amount, and whether it is in bytes; raises ValueError."""
    number = text.strip().rstrip("kKMGTiB ")
    unit = text.strip()[len(number) :].strip()
    try:
        value = float(number) * (_BYTES[unit] if unit else 1.0)
    except (ValueError, KeyError):
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{text!r} is no amount: write 500 or, of bytes, 64KiB, 2GiB")
    return value, bool(unit)


def parse_rate(text: str) -> tuple[float, bool]:
    """`100KiB/h`, `3/d` → the amount a second, and whether it is in bytes; raises ValueError."""
    number, _, time = text.partition("/")
    try:
        value, in_bytes = parse_amount(number)
        return value / _TIMES[time.strip()], in_bytes
    except (ValueError, KeyError):
        raise ValueError(f"{text!r} is no rate: write 100KiB/h or 3/d (a time is one of s, min, h, d)") from None
