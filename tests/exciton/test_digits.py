"""Numbers as people read them."""

import pytest

from exciton.digits import rounded_up, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (31.98, 0.03, "31.98(3)"),
        (31.98, 0.031, "31.98(4)"),  # never less than the error
        (31.98, 0.095, "32.0(1)"),
        (31.98, 0.3, "32.0(3)"),
        (31.98, 2.0, "32(2)"),
        (31.98, 12.3, "32(13)"),
        (31.98, 0.0, "31.9800"),
        (-0.5464, 0.11, "-0.5(2)"),
        (1.0, 1e-9, "1.00000(1)"),
    ],
)
def test_errors_in_brackets(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "said"), [(0.2101, "0.22"), (0.42, "0.42"), (3.0, "3"), (0.0999, "0.1"), (12.1, "13")]
)
def test_what_would_hold_is_rounded_up(value, said):
    assert rounded_up(value) == said
