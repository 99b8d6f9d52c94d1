"""What the end-to-end tests share. A test that fails shows the logs of its tracker."""

from collections.abc import Generator

import pytest

from tests.support.stacks.stack import Stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Stack):
                report.sections.append(("tracker", value.logs()))
    return report
