"""Signals in two steps."""

import signal

import pytest

from butfor.core.interrupts import Terminated, on_signal, postponed


def test_where_nobody_looks_the_first_signal_leaves() -> None:
    with pytest.raises(KeyboardInterrupt):
        on_signal(signal.SIGINT)
    with pytest.raises(Terminated) as leaving:
        on_signal(signal.SIGTERM)
    assert leaving.value.code == 143


def test_where_somebody_looks_the_first_is_noted_and_the_second_leaves() -> None:
    with postponed() as interrupt:
        assert not interrupt.asked
        on_signal(signal.SIGTERM)
        assert interrupt.asked == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            on_signal(signal.SIGINT)
        assert not interrupt.asked


def test_leaving_is_as_the_signal_said_and_nothing_is_left_of_it() -> None:
    with postponed() as interrupt:
        on_signal(signal.SIGTERM)
        with pytest.raises(Terminated):
            interrupt.leave()
        on_signal(signal.SIGINT)
    with postponed() as interrupt:
        assert not interrupt.asked
