"""What a person does in Home Assistant's frontend, in their words: look for a text, press what it says.

Elements are found by what is written on them wherever that is possible, so that a new release of the frontend changes
little here.
"""

import re
from pathlib import Path

from playwright.async_api import Locator, Page

from tests.browser.pictures import Pictures

_INSTALLING = re.compile(r"Installing \((\d+)%\)")


class Frontend:
    def __init__(self, page: Page, url: str, pictures: Pictures) -> None:
        self.page = page
        self.url = url
        self.pictures = pictures

    async def log_in(self, name: str, password: str) -> None:
        await self.page.goto(self.url)
        await self.page.get_by_label("Username").fill(name)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.press("Log in")
        await self.page.wait_for_url(re.compile(r"/(home|lovelace)"))

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def sees(self, text: str | re.Pattern[str], seconds: float = 30) -> Locator:
        """Wait until the text is somewhere on the page."""
        found = self.page.get_by_text(text).filter(visible=True).first
        await found.wait_for(timeout=seconds * 1000)
        return found

    async def sees_no_more(self, text: str, seconds: float) -> None:
        await self.page.get_by_text(text).first.wait_for(state="hidden", timeout=seconds * 1000)

    async def press(self, name: str) -> None:
        """Press the button with exactly this name."""
        await self.page.get_by_role("button", name=name, exact=True).first.click()

    async def choose(self, text: str) -> None:
        """Click a line of a list or menu that has exactly this text."""
        await self.page.get_by_text(text, exact=True).filter(visible=True).first.click()

    async def keep(self, name: str) -> None:
        await self.pictures.keep(self.page, name)

    # The dialogs that add a gateway

    async def begin_adding(self, integration: str) -> None:
        await self.open("/config/integrations/dashboard")
        await self.page.get_by_text("Add integration").first.click()
        await self.page.get_by_placeholder("Search for a brand name").fill(integration)
        await self.choose(integration)

    async def enter_setup_key(self, setup_key: str) -> None:
        await self.page.locator("ha-selector-text input").fill(setup_key)
        await self.press("Submit")

    # The dialogs of the firmware library

    async def open_library(self) -> None:
        await self.open("/config/integrations/integration/mesh_ota")
        await self.press("Configure")

    async def give_file(self, path: Path) -> None:
        await self.page.locator("input[type=file]").first.set_input_files(path)
        await self.sees(path.name)
        await self.press("Submit")

    async def write_notes(self, notes: str) -> None:
        await self.page.locator("textarea").fill(notes)

    # The update dialog

    async def installing(self) -> int | None:
        """The percentage that the dialog shows, None if it shows none."""
        found = self.page.get_by_text(_INSTALLING).first
        if not await found.count():
            return None
        shown = _INSTALLING.search(await found.inner_text())
        return int(shown[1]) if shown else None
