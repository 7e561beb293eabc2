"""The report of the judge: tables are renewed, notes written by hand stay."""

import pytest

pytest.importorskip("pymannkendall", reason="what the peers are made of")

from bench_judge import renewed

OLDER = (
    "# Title\n\nby a script\n\n## Speed\n\n| 1 |\n\n## Series (2 seeds)\n\n| 2 |\n\n"
    "## What they can't carry\n\nBy hand.\n"
)


def test_what_is_made_again_takes_the_place_of_its_section_and_notes_stay():
    made = "# Title\n\nby a script\n\n## Series (4 seeds)\n\n| 3 |\n\n## Plan\n\n| 4 |\n"
    assert renewed(OLDER, made) == (
        "# Title\n\nby a script\n\n## Speed\n\n| 1 |\n\n## Series (4 seeds)\n\n| 3 |\n\n"
        "## What they can't carry\n\nBy hand.\n\n## Plan\n\n| 4 |\n"
    )


def test_nothing_changes_where_nothing_is_new_and_a_first_report_is_taken_as_it_is():
    assert renewed(OLDER, OLDER) == OLDER
    assert renewed("", OLDER) == OLDER
