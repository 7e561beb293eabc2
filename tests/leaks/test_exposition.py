import math
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaks.faultyserver import endlessly, hangs, head, page, says, serving

from relengtools.errors import RelengError
from relengtools.leaks.exposition import Endpoint, ScrapeError, goroutines, parse, pprof_base, scrape

EXPOSITION = b"""\
# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 23
"""


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("up 1", "up", 1),
        ("up 1 1395066363000", "up", 1),
        ("  up\t 1 ", "up", 1),
        ("up 1\r", "up", 1),
        ("a:b_c 1.5e3", "a:b_c", 1500),
        ("x -.5", "x", -0.5),
        ("x +Inf", "x", math.inf),
        ("x -Inf", "x", -math.inf),
        ('x{a="b"} 2', 'x{a="b"}', 2),
        ('x { a = "b" , c="d", } 2', 'x{a="b",c="d"}', 2),
        ("x{} 2", "x", 2),
        (r'x{path="C:\\DIR\\",e="say \"}\" 1"} 3', r'x{path="C:\\DIR\\",e="say \"}\" 1"}', 3),
        (r'x{e="Cannot find file:\n\"F.TXT\""} 1.458255915e9', r'x{e="Cannot find file:\n\"F.TXT\""}', 1458255915),
        ('x{a="ünï"} 1', 'x{a="ünï"}', 1),
        ('x{a=""} 1', 'x{a=""}', 1),
    ],
)
def test_a_sample_is_read(line: str, name: str, value: float) -> None:
    assert parse(f"{line}\n".encode()).values == {name: value}


def test_nan_is_kept_as_nan() -> None:
    assert math.isnan(parse(b"x NaN\n").values["x"])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n# HELP only comments\n",
        b"<html><body>404</body></html>",
        b"x",
        b"x one",
        b"x 1_000",
        b"x 0x10",
        b"1x 1",
        b'x{a="b" 1',
        b"x{a=b} 1",
        b'x{a="b"c="d"} 1',
        b'x{,a="b"} 1',
        b'x{a="\\q"} 1',
        b"\xff\xfe 1",
        b"x 1\0",
        b"\x1f\x8b\x08\x00binary",
        b"x 1 2 3",
        b"x1",
        b"x 1e",
    ],
)
def test_what_is_no_exposition_is_refused_in_one_printable_line(text: bytes) -> None:
    with pytest.raises(ScrapeError) as caught:
        parse(text)
    assert str(caught.value).isprintable()


def test_a_series_that_is_served_twice_is_left_out_and_named() -> None:
    values, twice = parse(b'a 1\nb{x="1"} 1\nb{x="1"} 2\na 1\nc 3\n')
    assert (values, twice) == ({"c": 3}, ("a", 'b{x="1"}'))


def test_a_name_as_long_as_a_novel_is_left_out() -> None:
    assert parse(b'a 1\nb{x="' + b"x" * 2000 + b'"} 1\n').values == {"a": 1}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    [b"a" + b" " * 2**20 + b"x", b"a 1" + b"1" * 2**20 + b"x", b"a 1 " + b"1" * 2**20 + b"x", b"a{" + b"} " * 2**20],
)
def test_a_long_line_of_nonsense_takes_no_longer_than_its_length(line: bytes) -> None:
    with pytest.raises(ScrapeError, match="line 1"):
        parse(line)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_exposition_or_refused(data: bytes) -> None:
    try:
        assert parse(data).values or parse(data).twice
    except ScrapeError as error:
        assert str(error).isprintable()


LABEL_VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,10}", fullmatch=True),
    st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,5}", fullmatch=True), LABEL_VALUES, max_size=3),
    st.floats(allow_nan=False),
)
def test_what_a_client_library_writes_is_read_back(name: str, labels: dict[str, str], value: float) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

    inner = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    series = f"{name}{{{inner}}}" if labels else name
    assert parse(f"{series} {value!r}\n".encode()).values == {series: value}


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/metrics",
        "file:///etc/passwd",
        "localhost:9090",
        "http://",
        "http://user:secret@localhost/",
        "http://localhost:99999/",
        "http://localhost/a b",
        "http://localhost/\r\nX: y",
        "http://localhost/\x1b[31m",
    ],
)
def test_a_url_that_cannot_be_meant_is_one_line(url: str) -> None:
    with pytest.raises(RelengError) as caught:
        Endpoint(url)
    assert str(caught.value).isprintable()


def test_a_connection_is_kept_and_known() -> None:
    with serving(says(page(EXPOSITION))) as url:
        endpoint = Endpoint(url)
        assert endpoint.alive() is None
        assert scrape(endpoint, 5).values == {"go_goroutines": 23}
        first = endpoint.alive()
        assert first is not None
        assert str(first.peer) in url
        assert scrape(endpoint, 5).values == {"go_goroutines": 23}
        assert endpoint.alive() == first
        endpoint.close()


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    def and_close(connection: socket.socket) -> None:
        connection.sendall(page(EXPOSITION))
        raise OSError

    with serving(and_close) as url:
        endpoint = Endpoint(url)
        for _ in range(3):
            assert scrape(endpoint, 5).values == {"go_goroutines": 23}
        endpoint.close()


def test_an_answer_in_chunks_and_one_that_ends_with_the_connection() -> None:
    chunked = head(Transfer_Encoding="chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(EXPOSITION), EXPOSITION)

    def until_close(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + EXPOSITION)
        raise OSError

    with serving(says(chunked), until_close) as url:
        endpoint = Endpoint(url)
        assert scrape(endpoint, 5).values == scrape(endpoint, 5).values == {"go_goroutines": 23}
        endpoint.close()


FAULTS = {
    "hangs": (hangs, "within"),
    "trickles its headers": (endlessly(b"x", b"HTTP/1.1 200 OK\r\nA: ", 0.02), "within"),
    "trickles its body": (endlessly(b"#", head(Content_Length=1 << 20), 0.02), "within"),
    "redirects": (says(page(b"", "302 Found", Location="http://127.0.0.1:1/")), "redirects are not followed"),
    "says 404": (says(page(b"no", "404 Not Found")), "404"),
    "says 500": (says(page(b"no", "500 Oops")), "500"),
    "sends a gigabyte": (endlessly(b"# padding\n" * 6553, head()), "larger than"),
    "announces a gigabyte": (says(head(Content_Length=1 << 30)), "larger than"),
    "sends headers without end": (endlessly(b"A: b\r\n" * 999, b"HTTP/1.1 200 OK\r\n"), "not HTTP"),
    "speaks something else": (says(b"220 smtp.example.org ESMTP\r\n"), "not HTTP"),
    "sends junk": (says(b"\x00\x1b[31m\xff" * 99 + b"\r\n"), "not HTTP"),
    "sends HTML": (says(page(b"<html>")), "line 1"),
    "sends nothing": (says(page(b"")), "no sample"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_server_is_a_gap_with_a_reason(fault: str) -> None:
    answer, reason = FAULTS[fault]
    with serving(answer) as url:
        endpoint = Endpoint(url)
        begun = time.monotonic()
        with pytest.raises(ScrapeError) as caught:
            scrape(endpoint, 0.3 if reason == "within" else 20)
        assert time.monotonic() - begun < 19
        assert reason in str(caught.value)
        assert str(caught.value).isprintable()
        assert endpoint.alive() is None or reason in ("line 1", "no sample")
        endpoint.close()


def test_a_cut_answer_is_a_gap() -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(head(Content_Length=1000) + EXPOSITION)
        raise OSError

    with serving(cut) as url, pytest.raises(ScrapeError, match="cut off"):
        scrape(Endpoint(url), 5)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ScrapeError, match="refused"):
        scrape(Endpoint(f"http://127.0.0.1:{port}/metrics"), 5)


def test_after_a_fault_the_next_scrape_connects_anew() -> None:
    with serving(says(page(b"<html>")), says(page(EXPOSITION))) as url:
        endpoint = Endpoint(url)
        with pytest.raises(ScrapeError):
            scrape(endpoint, 5)
        assert scrape(endpoint, 5).values == {"go_goroutines": 23}
        endpoint.close()


@pytest.mark.parametrize("given", ["http://h:1", "http://h:1/", "http://h:1/debug/pprof", "http://h:1/debug/pprof/"])
def test_the_address_of_profiles(given: str) -> None:
    assert pprof_base(given) == "http://h:1/debug/pprof/"


def test_a_profile_is_kept_as_served_and_anything_else_refused() -> None:
    with serving(says(page(b"\x1f\x8bprofile")), says(page(b"<html>"))) as url:
        assert goroutines(url.removesuffix("/metrics"), 5) == b"\x1f\x8bprofile"
        with pytest.raises(ScrapeError, match="not a profile"):
            goroutines(url.removesuffix("/metrics"), 5)


def test_a_name_that_is_not_resolved_in_time_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()

    def late(*given: object, **options: object) -> list[object]:
        waiting.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with pytest.raises(ScrapeError, match=r"no full answer within 0\.2 s"):
        scrape(Endpoint("http://localhost:9/metrics"), 0.2)
    waiting.set()
