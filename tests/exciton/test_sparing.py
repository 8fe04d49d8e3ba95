"""Writing sparingly: a change that comes too early is written a little later, with those that follow it."""

from time import perf_counter

import pytest

from exciton.sparing import Sparing


@pytest.fixture
def written():
    return []


@pytest.fixture
def changes():
    return []


@pytest.fixture
def writing(written, changes):
    return Sparing(lambda: written.append(len(changes)))


def test_what_comes_too_early_is_written_together(writing, written, changes):
    writing._rested = perf_counter() + 0.5
    for change in range(3):
        changes.append(change)
        writing.soon()
    assert written == []
    timer = writing._timer
    timer.join(30)
    assert written == [3]
    writing.soon()  # it has rested, and the list is written in no time
    if writing._timer is not None:
        writing._timer.join(30)
    assert written == [3, 3]


def test_writing_rests_as_long_as_it_took(writing, written):
    writing._rested = perf_counter() - 1.0
    start = perf_counter()
    writing.soon()
    assert written == [0]
    assert start < writing._rested <= 2 * perf_counter() - start


@pytest.mark.parametrize("how", ["now", "flush"])
def test_what_waits_is_written_once(writing, written, how):
    writing._rested = perf_counter() + 30
    writing.soon()
    timer = writing._timer
    getattr(writing, how)()
    assert written == [0]
    timer.function()  # it was waiting for the lock when it was cancelled
    timer.join(30)
    assert written == [0]


def test_nothing_waits_nothing_is_written(writing, written):
    writing.flush()
    assert written == []


def test_a_late_failure_is_told_by_the_next(writing, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write", full)
    writing._rested = perf_counter() + 0.01
    writing.soon()
    timer = writing._timer
    timer.join(30)
    assert writing._timer is None
    with pytest.raises(OSError, match="No space"):
        writing.now()
