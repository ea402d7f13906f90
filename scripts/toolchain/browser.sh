# What the browser test needs on top: a Chromium, the driver in an environment of its own, and the Home Assistant before the
# newest. Only `scripts/setup --browser` makes these. Sourced by scripts/setup.

CHROMIUM_NAMES="chromium chromium-browser google-chrome google-chrome-stable"

make_browser_tools() {
    find_chromium
    environment venv-browser requirements/browser.txt "Installing what drives a browser (about 200 MB)."
    environment venv-previous requirements/previous.txt "Installing the Home Assistant before the newest (about 300 MB)."
}

# Links the first Chromium there is to .tools/bin/chromium. The colours of emoji come as a font of their own.
find_chromium() {
    local found
    [ ! -x "$TOOLS/bin/chromium" ] || return 0
    found=$(chromium_on_path || chromium_from_debian) ||
        fail "No Chromium could be had. Install chromium (or Google Chrome) so that it is on the PATH, and run scripts/setup --browser again."
    ln -sfn "$found" "$TOOLS/bin/chromium"
    say "Using the browser $found."
}

chromium_on_path() {
    local name
    for name in $CHROMIUM_NAMES; do
        command -v "$name" && return 0
    done
    return 1
}

# The one step that installs into the system: a browser is too big a thing to unpack beside it.
chromium_from_debian() {
    [ "$(id -u)" = 0 ] && [ "$(system_id 2>/dev/null)" = debian ] || return 1
    say "Installing Debian's chromium." >&2
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-update apt-get update
    quietly chromium apt-get install -y --no-install-recommends chromium fonts-noto-color-emoji || return 1
    chromium_on_path
}
