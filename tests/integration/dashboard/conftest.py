"""A running dashboard, as a process: NiceGUI has one application for each. Beside it a gateway that answers what a test wants."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Process, product_environment
from tests.fakes.report_gateway import ReportGateway, reports_in_thread

KEY = "pm-admin-dashboard-canary"  # no real one
INTERVAL_S = 0.2  # as short as the settings allow


@pytest.fixture(scope="module")
def served_gateway() -> Iterator[ReportGateway]:
    with reports_in_thread(ReportGateway()) as gateway:
        yield gateway


@pytest.fixture
def gateway(served_gateway: ReportGateway) -> ReportGateway:
    """The gateway, filled anew for each test."""
    served_gateway.details, served_gateway.key, served_gateway.is_away, served_gateway.delay_s = {}, None, False, 0.0
    served_gateway.fill()
    served_gateway.asked.clear()
    return served_gateway


def start_dashboard(folder: Path, gateway: ReportGateway, **settings: str) -> Process:
    own = {"POINTSMAN_GATEWAY_URL": gateway.url, "POINTSMAN_DASHBOARD_INTERVAL_S": str(INTERVAL_S), **settings}
    return Process.start("dashboard", product_environment(folder / "var", folder / "none.yaml", own), folder)


def address_of(process: Process) -> str:
    return f"http://{process.addresses['dashboard']}"


@pytest.fixture(scope="module")
def dashboard(served_gateway: ReportGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard without a key."""
    folder = tmp_path_factory.mktemp("dashboard")
    process = start_dashboard(folder, served_gateway)
    try:
        yield address_of(process)
    finally:
        status = process.stop()
    log = (folder / "dashboard.log").read_text()
    assert status == 0, log
    assert "page_failed" not in log
    assert "library_logged" not in log, log


@pytest.fixture(scope="module")
def locked_dashboard(served_gateway: ReportGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard with a key."""
    folder = tmp_path_factory.mktemp("locked")
    process = start_dashboard(folder, served_gateway, POINTSMAN_ADMIN_KEY=KEY)
    try:
        yield address_of(process)
    finally:
        assert process.stop() == 0
    assert KEY not in (folder / "dashboard.log").read_text()
