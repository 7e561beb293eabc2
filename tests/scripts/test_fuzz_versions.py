"""The fuzzer itself: it feeds every target, finds the locators by itself, and tells of a failure once."""

import random
from pathlib import Path

import fuzz_versions as fuzz

SMALL = 1500


def test_texts_of_versions_and_specifiers_pass(tmp_path: Path) -> None:
    rng = random.Random(2024)
    for target in fuzz.targets(tmp_path)[:2]:
        for _ in range(SMALL):
            fuzz.feed(target, rng)
        assert (target.count, target.failures) == (SMALL, {})
        assert target.slowest[0] < 1


def test_the_locators_are_found_by_their_signature() -> None:
    modules = {function.__module__.rpartition("relengtools.versions.")[2] for function in fuzz.LOCATORS}
    assert {"locate.module", "locate.meson", "requirements.locate", "requirements.setup_cfg"} <= modules


def test_every_seed_is_a_file_that_can_be_read() -> None:
    for name, texts in fuzz.FILES.items():
        for text in texts:
            fuzz.reads(name, text.encode())


def test_a_failure_is_told_once_with_its_input() -> None:
    def run(given: int) -> None:
        raise ValueError(given)

    target = fuzz.Target("x", 1, lambda rng: rng.randrange(10), run)
    fuzz.feed_all([target], 20, random.Random(1))
    (what,) = target.failures.values()
    assert target.count == 20 and "input: " in what


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    made = [[target.make(random.Random(7)) for target in fuzz.targets(tmp_path)] for _ in range(2)]
    assert made[0] == made[1]
