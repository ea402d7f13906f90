"""Runs plain-assert tests on MicroPython: `micropython tests/run_on_micropython.py FILE...`.

Here lives the smallest runner that can say that the code runs on both Pythons. It calls every `test_*` function of the
files it is given (coroutines get an event loop each) and counts. No fixtures, no `raises`, no pytest: a test that needs
those stays in a file that is not given to this runner. It runs on CPython too.
"""

import asyncio
import gc
import sys

# The same places as pyproject.toml's `pythonpath`; the current directory is the repository.
sys.path[:0] = [".", "gateway_firmware", "node_firmware"]

IS_MICROPYTHON = sys.implementation.name == "micropython"


def import_tests(path):
    """Import `tests/painlessmesh/test_frames.py` as `tests.painlessmesh.test_frames`."""
    name = path[: -len(".py")].replace("/", ".")
    __import__(name)
    return sys.modules[name]


def tests_of(module):
    """The module's tests, by name. An empty list is a mistake of the caller's."""
    names = [name for name in sorted(dir(module)) if name.startswith("test_")]
    tests = [(name, getattr(module, name)) for name in names if callable(getattr(module, name))]
    if not tests:
        raise ValueError("the file has no tests")
    return tests


def run(test):
    """Run one test to its end."""
    outcome = test()
    if hasattr(outcome, "send"):
        if IS_MICROPYTHON:
            asyncio.new_event_loop()  # its one loop would still hold what the last test left behind
        asyncio.run(outcome)


def tell(title, error):
    """Say what failed and where, on either Python."""
    print("FAILED", title)
    if IS_MICROPYTHON:
        sys.print_exception(error)
    else:
        sys.excepthook(type(error), error, error.__traceback__)


def run_file(path):
    """Run the tests of one file; return how many passed and how many failed."""
    passed = failed = 0
    try:
        tests = tests_of(import_tests(path))
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, the test failed
        tell(path, error)
        return 0, 1
    for name, test in tests:
        try:
            run(test)
            passed += 1
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, the test failed
            tell(path + "::" + name, error)
            failed += 1
    return passed, failed


def main(paths):
    """Return the exit code: 0 only if something ran and all of it passed."""
    passed = failed = 0
    for path in paths:
        in_file = run_file(path)
        passed += in_file[0]
        failed += in_file[1]
        gc.collect()
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
