"""Pictures of what a person sees, kept for the documentation or for whoever looks into a failure."""

import asyncio
from pathlib import Path

from playwright.async_api import Page

# Dialogs slide in, and labels move aside: a picture is taken when they have come to rest.
_REST_SECONDS = 1.0


class Pictures:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def keep(self, page: Page, name: str) -> None:
        await asyncio.sleep(_REST_SECONDS)
        await page.screenshot(path=self.folder / f"{name}.png", animations="allow")
