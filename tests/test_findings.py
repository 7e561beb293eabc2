import pytest

from relengtools.findings import Rule, selected

ON = Rule("RV102", "version-spelling", "s", "w", "e", "f")
OFF = Rule("RV103", "zero-padding", "s", "w", "e", "f", default=False)


@pytest.mark.parametrize(
    ("rule", "select", "ignore", "on"),
    [
        (ON, [], [], True),
        (OFF, [], [], False),
        (ON, ["RV1"], [], True),
        (OFF, ["RV1"], [], False),
        (OFF, ["RV103"], [], True),
        (OFF, ["zero-padding"], [], True),
        (ON, ["zero-padding"], [], False),
        (ON, ["version-spelling"], ["RV1"], False),
        (ON, [], ["version-spelling"], False),
        (ON, ["RV102"], ["version"], True),
    ],
)
def test_selection(rule, select, ignore, on):
    assert selected(rule, select, ignore) is on
