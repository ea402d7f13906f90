# The Python environments and what is in them; requirements/README.md says which is for what. Sourced by scripts/setup.

# environment NAME REQUIREMENTS SENTENCE
environment() {
    local name=$1 requirements=$2 folder=$TOOLS/$1 key
    key=$(key_of "$name" "$PYTHON" "$(cat "$requirements")")
    is_done "$name" "$key" && [ -x "$folder/bin/python" ] && return 0
    say "$3"
    mark_undone "$name"
    rm -rf "$folder"
    must "$name" "The environment could not be made." "$UV" venv --quiet --python "$PYTHON" "$folder"
    # Compiled now, once: otherwise every start of Home Assistant pays, where writing bytecode is switched off.
    must "$name" "Its packages could not be installed. Is this machine online?" \
        "$UV" pip install --quiet --compile-bytecode --python "$folder/bin/python" -r "$requirements"
    case $name in
        venv-demo | venv-previous) must "$name" "The stand-ins could not be written." write_stand_ins "$folder" ;;
    esac
    mark_done "$name" "$key"
}

make_unit_environment() {
    environment venv-unit requirements/unit.txt "Installing what the unit tests and linters need."
}

make_demo_environment() {
    environment venv-demo requirements/demo.txt "Installing Home Assistant and its frontend (about 300 MB)."
}

make_deploy_environment() {
    environment venv-deploy requirements/deploy.txt "Installing mpremote, which scripts/deploy needs."
}

# Two packages of Home Assistant's voice parts exist as C++ source only. Their names have to be importable and count as
# installed; no audio passes through here. The versions are those that Home Assistant's own manifests ask for.
write_stand_ins() {
    local packages
    packages=$(echo "$1"/lib/python3.*/site-packages)
    stand_in "$packages" pymicro_vad MicroVad
    stand_in "$packages" pyspeex_noise AudioProcessor
}

stand_in() {
    local packages=$1 module=$2 class=$3 version
    version=$(grep -rhoE "\"${module/_/-}==[^\"]+" "$packages"/homeassistant/components/*/manifest.json | head -n 1)
    version=${version##*==}
    [ -n "$version" ] || return 0
    printf 'class %s: ...\n' "$class" >"$packages/$module.py"
    mkdir -p "$packages/$module-$version.dist-info"
    printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' "${module/_/-}" "$version" \
        >"$packages/$module-$version.dist-info/METADATA"
}

make_typings() {
    local key
    key=$(key_of typings "$(cat requirements/typings.txt)")
    is_done typings "$key" && [ -d "$TOOLS/typings" ] && return 0
    say "Installing the type stubs of MicroPython."
    mark_undone typings
    rm -rf "$TOOLS/typings"
    must typings "The type stubs could not be installed. Is this machine online?" \
        "$UV" pip install --quiet --python "$PYTHON" --target "$TOOLS/typings" -r requirements/typings.txt
    mark_done typings "$key"
}

lock_requirements() {
    local name
    for name in unit demo deploy typings browser previous; do
        say "Pinning requirements/$name.txt."
        must "lock-$name" "requirements/$name.in cannot be satisfied." \
            "$UV" pip compile --quiet --upgrade --universal --python-version 3.14.2 --no-annotate \
            --custom-compile-command "scripts/setup --lock" \
            --output-file "requirements/$name.txt" "requirements/$name.in"
    done
}
