"""Where each setting comes from: the command line or the environment, what is known already, or the person.

Passwords are never taken from the command line, where other users of this computer could read them, and never
echoed.
"""

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scripts.deployment.errors import DeployError


@dataclass(frozen=True)
class Question:
    """`given_by` is the option, or the environment variable of a secret; lengths are in bytes."""

    text: str
    given_by: str
    least: int
    most: int
    suggestion: str = ""
    secret: bool = False
    starts: tuple[str, ...] = ("",)

    def fault(self, answer: str) -> str:
        """What is wrong with an answer, as a sentence; "" when nothing is."""
        if not self.least <= len(answer.encode()) <= self.most:
            return f"It has to be {self.least} to {self.most} bytes long."
        if not answer.startswith(self.starts):
            return f"It has to start with {' or '.join(self.starts)}."
        return ""


WIFI = Question("Your WiFi's name", "--wifi", 1, 32)
WIFI_PASSWORD = Question("Your WiFi's password", "MESH_OTA_WIFI_PASSWORD", 0, 63, secret=True)
MESH = Question("The mesh's name (its WiFi prefix)", "--mesh", 1, 32)
MESH_PASSWORD = Question("The mesh's password", "MESH_OTA_MESH_PASSWORD", 8, 63, secret=True)
MESH_KEY = Question(
    "The gateway's mesh key (mesh_key in its keys.json)", "MESH_OTA_MESH_KEY", 64, 64, secret=True
)
HOME_ASSISTANT = Question(
    "Home Assistant's address",
    "--home-assistant",
    8,
    200,
    "http://homeassistant.local:8123",
    starts=("http://", "https://"),
)
NODE_TYPE = Question("The node's type", "--type", 1, 30)


class Asker:
    """`given` holds the options of the command line by their name; None stands for one that was not given."""

    def __init__(
        self,
        given: Mapping[str, str | None],
        *,
        interactive: bool,
        environment: Mapping[str, str] = os.environ,
        read: Callable[[str], str] = input,
        read_secret: Callable[[str], str] = getpass.getpass,
    ) -> None:
        self._given = given
        self._interactive = interactive
        self._environment = environment
        self._read = read
        self._read_secret = read_secret
        self.missing: list[str] = []

    def given(self, question: Question) -> str | None:
        """What the command line or the environment says. Raises DeployError when that cannot be."""
        source = self._environment if question.secret else self._given
        answer = source.get(question.given_by)
        if answer is not None and question.fault(answer):
            raise DeployError(f"{question.given_by}: {question.fault(answer)}")
        return answer

    def answer(self, question: Question, known: object = None) -> str:
        """The setting: as given, else as known, else as the person says. What is missing is collected."""
        given = self.given(question)
        if given is not None:
            return given
        if isinstance(known, str) and not question.fault(known):
            return known
        if not self._interactive:
            self.missing.append(question.given_by)
            return ""
        return self._ask(question)

    def confirm(self, sentence: str, option: str) -> None:
        """Go on only if the person agrees. Raises DeployError."""
        if self._given.get(option) is not None:
            return
        if not self._interactive:
            raise DeployError(f"{sentence} Add {option} if that is what you want.")
        if self._read(f"{sentence} Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise DeployError("Nothing was changed.")

    def complain_about_missing(self) -> None:
        """Raises DeployError naming everything that nobody gave."""
        if self.missing:
            raise DeployError(
                f"Missing: {', '.join(self.missing)}. (Names in capitals are environment variables.)"
            )

    def _ask(self, question: Question) -> str:
        hint = f" [{question.suggestion}]" if question.suggestion else ""
        read = self._read_secret if question.secret else self._read
        while True:
            try:
                answer = read(f"{question.text}{hint}: ") or question.suggestion
            except EOFError:
                raise DeployError("Nobody answered. Nothing was changed.") from None
            fault = question.fault(answer)
            if not fault:
                return answer
            print(fault)
