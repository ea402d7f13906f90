"""scripts/deploy: the command line, and the story of a board that is put into service."""

import argparse
import sys
from collections.abc import Callable

from scripts.deployment import (
    arguments,
    board_programs,
    console,
    interpreter,
    pairing,
    plan,
    questions,
    settings,
    supply,
    survey,
)
from scripts.deployment.cable import Cable
from scripts.deployment.errors import DeployError
from scripts.deployment.mesh_memory import MeshMemory
from scripts.deployment.questions import Asker
from scripts.firmware import bundle as bundles, flash, sources

TOOLS = sources.REPOSITORY / ".tools/venv-deploy/bin"  # what scripts/setup makes, in a clone
OUR_MAIN = "loader.run("


def main(words: list[str] | None = None, program: str = "deploy") -> int:
    """The exit code is 1 when the board is not in service, with the reason as the last line."""
    options = arguments.parser(program).parse_args(words)
    try:
        interpreter.with_mpremote(TOOLS)
        Deployment(options).run()
    except DeployError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{program}: stopped; run it again to finish.", file=sys.stderr)
        return 130
    return 0


class Deployment:
    """One run. `say` takes a line for the person."""

    def __init__(self, options: argparse.Namespace, say: Callable[[str], None] = print) -> None:
        self.options = options
        self.say = say
        self.cable = Cable(options.port)
        self.memory = MeshMemory()
        self.asker = Asker(arguments.given(options), interactive=arguments.is_interactive(options))

    def run(self) -> None:
        self.say(f"Asking the board on {self.options.port} …")
        found = survey.of_board(self.cable)
        try:
            config, planned = self._prepare(found)
        except (DeployError, KeyboardInterrupt):
            self._let_go_on(found)
            raise
        if self.options.dry_run:
            self._show(planned)
            self._let_go_on(found)
            return
        self._write(planned, found)
        self.say("Restarting the board …")
        self.cable.restart()
        if self.options.kind == "gateway":
            pairing.pair(self.cable, config, found, self.memory, self.say)
        else:
            console.watch(self.options.port, self.options.listen)
            self.say(
                f"Done. It joins the mesh '{config['mesh']['prefix']}' by itself and then shows in Home Assistant."
            )

    # ---- before anything is written

    def _prepare(self, found: survey.Survey) -> tuple[dict, list[plan.Step]]:
        self.say(
            f"  {found.machine}, MicroPython {found.micropython}, {found.free // 1024} KiB free"
        )
        wrong = survey.faults(found)
        if wrong:
            raise DeployError(" ".join(wrong))
        self.say(f"  {survey.partition_note(found)}")
        if OUR_MAIN not in found.texts.get("main.py", OUR_MAIN):
            self.asker.confirm(
                "This board runs a program of its own (main.py), which would be replaced.",
                "--replace-program",
            )
        bundle, node_type = self._bundle(found)
        slot = self._slot(found, bundle)
        config = self._settings(found, node_type)
        self.say("  Settings:")
        for name, value in settings.shown(config).items():
            self.say(f"    {name}: {value}")
        filled = plan.filled_slot(found, bundle, slot) if slot else {}
        text = settings.text_of(config)
        if config == found.object("config.json"):
            text = found.texts["config.json"].encode()
        factory = self.source.factory(self.options.kind)
        planned = plan.steps(found, filled, slot, factory, text)
        plan.check_room(planned, found)
        return config, planned

    def _bundle(self, found: survey.Survey) -> tuple[bytes, str]:
        self.source = supply.find()
        if self.options.firmware:
            bundle = supply.bundle_of_file(self.options.firmware)
            node_type = str(bundles.check(bundle)["node_type"])
            self._check_kind(bundle, node_type)
            return bundle, node_type
        node_type = "gateway" if self.options.kind == "gateway" else self._node_type(found)
        return self.source.bundle(node_type, self.options.version), node_type

    def _check_kind(self, bundle: bytes, node_type: str) -> None:
        if flash.firmware_of(bundles.check(bundle)) != self.options.kind:
            raise DeployError(
                f"{self.options.firmware} is not the firmware of a {self.options.kind}."
            )
        if self.options.type not in (None, node_type):
            raise DeployError(f"{self.options.firmware} is for the type {node_type}.")

    def _node_type(self, found: survey.Survey) -> str:
        running = survey.running_firmware(found)
        before = running.node_type if running and running.node_type != "gateway" else None
        if self.options.type is None and before is None:
            self.say(f"  Types: {', '.join(self.source.types)}")
        node_type = self.asker.answer(questions.NODE_TYPE, before)
        self.asker.complain_about_missing()
        if node_type not in self.source.types:
            raise DeployError(
                f"There is no type '{node_type}', only {', '.join(self.source.types)}."
            )
        return node_type

    def _slot(self, found: survey.Survey, bundle: bytes) -> str | None:
        running = survey.running_firmware(found)
        asked = bool(self.options.reinstall or self.options.firmware or self.options.version)
        if running and running.fault:
            self.say(f"  Its firmware is damaged ({running.fault}); it is written anew.")
        if plan.is_running(running, found, bundle):
            asked = False
        slot = plan.slot_to_fill(running, bundle, asked=asked)
        if running and slot is None:
            self.say(
                f"  In service: {running.node_type} {running.version}; the firmware stays as it is."
            )
        return slot

    def _settings(self, found: survey.Survey, node_type: str) -> dict:
        before = found.object("config.json")
        if self.options.kind == "gateway":
            return settings.of_gateway(self.options, before, self.memory, self.asker)
        return settings.of_node(self.options, node_type, before, self.memory, self.asker)

    # ---- writing

    def _show(self, planned: list[plan.Step]) -> None:
        for step in planned:
            self.say(f"Would write {step.title}:")
            for path in step.removed:
                self.say(f"  remove {path}")
            for path, content in step.files.items():
                self.say(f"  {path} ({len(content)} bytes)")
        if not planned:
            self.say("Everything is there already.")
        self.say("Would restart the board and listen to it. Nothing was changed.")

    def _write(self, planned: list[plan.Step], found: survey.Survey) -> None:
        folders = plan.folders_for(planned, found)
        if folders:
            self.cable.run(board_programs.make_folders(folders))
        for step in planned:
            self.say(f"Writing {step.title} …")
            self._perform(step)
        if not planned:
            self.say("Everything is there already.")

    def _perform(self, step: plan.Step) -> None:
        arriving = {f"{path}.tmp": content for path, content in step.files.items()}
        self.cable.copy(arriving, lambda done, of: self.say(f"  {done} of {of} files"))
        placed = self.cable.run(board_programs.put_in_place(step.hashes, step.removed))
        if ("placed", len(step.files)) not in board_programs.told(placed):
            raise DeployError(f"The board did not confirm {step.title}. Run this again.")

    def _let_go_on(self, found: survey.Survey) -> None:
        """The program was interrupted to ask the board; it starts again."""
        if "main.py" in found.files:
            self.cable.restart()
