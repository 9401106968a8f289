"""A pytest plugin: the guest panics just before the body of the first test."""

import contextlib
from collections.abc import Iterator

import pytest

from fixtures.plugin import STATE
from lab.waiting import Deadline, wait_until

done = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    global done  # noqa: PLW0603 - once per session
    item.config.stash[STATE].changed = True  # the verdict of this test says nothing about its claim: it is not kept
    if not done:
        done = True
        session = item.funcargs["lab_session"]
        with contextlib.suppress(Exception):
            session.probe("observer").write_file("/proc/sysrq-trigger", "c")
        wait_until(lambda: session.lab.run.ended, Deadline(10), lambda: AssertionError("the guest did not panic"))
    return (yield)
