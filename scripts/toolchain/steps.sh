# How scripts/setup does a thing once: a step has a name and a key (what it is made from); its stamp is written when it
# has ended well, so an interrupted step is simply done again. Sourced, never run; needs TOOLS.

say() { printf '%s\n' "$*"; }

fail() {
    printf 'scripts/setup: %s\n' "$*" >&2
    exit 1
}

# One setup at a time in a clone. The lock ends with the last process that writes into .tools, also where setup itself was
# killed before. macOS has no flock.
lock_tools() {
    mkdir -p "$TOOLS/stamps" "$TOOLS/logs" "$TOOLS/bin"
    command -v flock >/dev/null || return 0
    exec 9>"$TOOLS/lock"
    flock --nonblock 9 && return 0
    say "Another scripts/setup is at work in this clone; waiting for it."
    flock 9
}

digest_of() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-64
}

# key_of TEXT... : what a step is made from. The clone's own path is part of it: the environments hold absolute paths.
key_of() { printf '%s\n' "$ROOT" "$@" | digest_of; }

is_done() { [ -f "$TOOLS/stamps/$1" ] && [ "$(cat "$TOOLS/stamps/$1")" = "$2" ]; }

mark_undone() { rm -f "$TOOLS/stamps/$1"; }

mark_done() {
    printf '%s\n' "$2" >"$TOOLS/stamps/$1.new"
    mv "$TOOLS/stamps/$1.new" "$TOOLS/stamps/$1"
}

# quietly NAME COMMAND... : output goes to a log. True if the command succeeds.
quietly() {
    local log=$TOOLS/logs/$1.log
    shift
    "$@" </dev/null >"$log" 2>&1
}

# must NAME SENTENCE COMMAND... : as quietly, but a failure shows the end of the log and the sentence, and ends setup.
must() {
    local name=$1 sentence=$2
    shift 2
    quietly "$name" "$@" && return 0
    tail -n 15 "$TOOLS/logs/$name.log" | sed 's/^/    /' >&2
    fail "$sentence (The whole log: .tools/logs/$name.log)"
}
