# Shared by the scripts: steps with times, and the installation of what is missing.

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# step NAME COMMAND…: runs a command and prints how long it took.
step() {
    local name=$1 started=$SECONDS
    shift
    say "$name"
    "$@"
    echo "-- $name: $((SECONDS - started)) s"
}

have() { command -v "$1" >/dev/null 2>&1; }

# need_apt PROGRAM PACKAGE: installs a Debian package if the program is missing.
need_apt() {
    have "$1" && return
    if [ "$(id -u)" != 0 ] || ! have apt-get; then
        echo "$1 is missing. Install it with:  sudo apt-get install -y $2" >&2
        return 1
    fi
    echo "installing $2 (for $1)"
    apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$2" >/dev/null
}

# need_cargo PROGRAM CRATE [VERSION]: installs a cargo tool if it is missing.
need_cargo() {
    have "$1" && return
    echo "installing $2 ${3:-} with cargo"
    cargo install --quiet --locked "$2" ${3:+--version "${3:-}"}
}

# need_vulkan: installs Mesa's drivers, one of which is a program on the CPU, if there is no Vulkan driver.
need_vulkan() {
    compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null && return
    compgen -G '/etc/vulkan/icd.d/*.json' >/dev/null && return
    need_apt a-vulkan-driver mesa-vulkan-drivers
}
