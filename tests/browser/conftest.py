"""A house that nobody has paired yet, beside each Home Assistant release we support, and a browser in front of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from simulator.free_port import free_port
from simulator.stage import Stage
from tests.browser.frontend import Frontend
from tests.browser.pictures import Pictures

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / ".tools"
RELEASES = {"2026.11": TOOLS / "venv-demo", "2026.10": TOOLS / "venv-previous"}
DOCUMENTED = "2026.11"
"""The release whose pictures are those of the documentation."""

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
]
_WAIT_MS = 30_000


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--refresh-images` takes the pictures of the documentation anew."""
    parser.addoption(
        "--refresh-images", action="store_true", help="write the pictures to docs/images"
    )


@pytest.fixture(params=list(RELEASES))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def stage(tmp_path: Path, release: str) -> AsyncIterator[Stage]:
    """Home Assistant with an owner's account, and a mesh whose gateway it does not know."""
    # Not the usual port: a demo may begin at the same time.
    stage = Stage(tmp_path / "stage", free_port())
    stage.home_assistant.program = RELEASES[release] / "bin" / "hass"
    # A person's own Home Assistant has it by default; the demo does without, and so without a database.
    with (stage.home_assistant.folder / "configuration.yaml").open("a") as configuration:
        configuration.write("logbook:\n")
    try:
        await stage.home_assistant.start()
        stage.setup_key = await stage.mesh.start()
        yield stage
    finally:
        await stage.close(keep=True)


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path, release: str) -> Pictures:
    refreshed = request.config.getoption("--refresh-images") and release == DOCUMENTED
    return Pictures(REPOSITORY / "docs" / "images" if refreshed else tmp_path)


@pytest_asyncio.fixture
async def frontend(stage: Stage, pictures: Pictures, tmp_path: Path) -> AsyncIterator[Frontend]:
    """Home Assistant's frontend in a fresh browser; should a test fail, the last thing seen is in its folder."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=TOOLS / "bin" / "chromium", args=_FLAGS
        )
        context = await browser.new_context(
            viewport={"width": 1100, "height": 780}, device_scale_factor=1.5, locale="en-GB"
        )
        context.set_default_timeout(_WAIT_MS)
        page = await context.new_page()
        try:
            yield Frontend(page, stage.home_assistant.url, pictures)
        finally:
            await page.screenshot(path=tmp_path / "last-seen.png")
            await browser.close()
