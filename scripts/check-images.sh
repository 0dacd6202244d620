#!/usr/bin/env bash
# What can be checked of the container images without an engine: the files of each image are put together in a folder, as the Dockerfile copies them, and
# the programs are run in it by chroot as the image's user: they find all their libraries, write only where they may, and say what they lack.
#
# Needs root (chroot). BIN is where the programs are (target/debug; the image has those of target/release).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
bin=${BIN:-${CARGO_TARGET_DIR:-target}/debug}
if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: chroot needs root, so the images' files were not tried"
    exit 0
fi
# What debian:trixie-slim has of what a Rust program can ask for.
base='^(linux-vdso\.so\.1|libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libstdc\+\+\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux-x86-64\.so\.2|ld-linux-aarch64\.so\.1)$'
user=$(sed -n 's/^USER //p' configs/docker/Dockerfile | sort -u)
[ "$(wc -l <<< "$user")" = 1 ] || { echo "the images run as different users: $user" >&2; exit 1; }
root=$(mktemp -d -t quintet-image-XXXXXX)
chmod 755 "$root"
trap 'rm -rf "$root"' EXIT

# assemble PROGRAM: the files of its image.
assemble() {
    rm -rf "${root:?}"/*
    mkdir -p "$root"/{usr/local/bin,etc/ssl/certs,data,params,tmp,keys}
    chown "$user" "$root/data" "$root/params" "$root/keys"
    cp "$bin/$1" "$root/usr/local/bin/"
    [ -f /etc/ssl/certs/ca-certificates.crt ] && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    local name path
    while read -r name path; do
        [[ $(basename "$name") =~ $base ]] || { echo "$1 needs $name, which the base image lacks" >&2; return 1; }
        [ -n "$path" ] || continue
        mkdir -p "$root$(dirname "$path")"
        cp -L "$path" "$root$path"
    done < <(ldd "$bin/$1" | sed -E 's/\(0x[0-9a-f]+\)//' | awk '$2 == "=>" { print $1, $3; next } $1 ~ /^\// { print $1, $1; next } { print $1 }')
}

# inside PROGRAM ARGUMENT…: runs it as the container would.
inside() {
    local program=$1
    shift
    env -i PATH=/usr/local/bin QUINTET_DATA_DIR=/data QUINTET_PARAMS_DIR=/params "${settings[@]}" \
        "$(command -v chroot)" --userspec="$user" "$root" "/usr/local/bin/$program" "$@"
}

# refused WORDS PROGRAM ARGUMENT…: it ends with an error that has these words.
refused() {
    local words=$1 text
    shift
    if text=$(inside "$@" 2>&1); then echo "$* was expected to fail" >&2; return 1; fi
    grep -q -- "$words" <<< "$text" || { echo "$* said: $text" >&2; return 1; }
}

say "Image of the sidecar"
settings=(QUINTET_GATEWAY_LISTEN=0.0.0.0:5062)
assemble quintet-sidecar
inside quintet-sidecar --version
refused "registry: not set" quintet-sidecar run
printf '[[prover]]\npubkey = "0x%s"\n' "$(printf '0%.0s' {1..96})" > "$root/etc/provers.toml"
refused "provers.toml" quintet-sidecar run --registry /etc/provers.toml
: > "$root/etc/provers.toml"
inside quintet-sidecar config check --registry /etc/provers.toml
text=$(inside quintet-sidecar doctor --registry /etc/provers.toml --beacon-url http://127.0.0.1:9) && { echo "doctor found a beacon node" >&2; exit 1; }
grep -q '^\(ok  \|warn\)  disk          store: /data' <<< "$text" && grep -q '^BAD   beacon node' <<< "$text" || { echo "$text" >&2; exit 1; }

say "Image of the prover"
settings=(QUINTET_KEYS_DIR=/keys QUINTET_PASSWORD_FILE=/keys/password.txt)
assemble quintet-prover
inside quintet-prover --version
echo password > "$root/keys/password.txt"
chown "$user" "$root/keys/password.txt"
inside quintet-prover key new --kdf devnet > /dev/null
key=$(ls "$root/keys" | grep '^keystore-0x')
text=$(inside quintet-prover doctor --gateway http://127.0.0.1:9 --stake-key "/keys/$key") && { echo "doctor found a gateway" >&2; exit 1; }
grep -q 'opens with its password' <<< "$text" && grep -q '^\(ok  \|warn\)  disk          protection record: /data' <<< "$text" || { echo "$text" >&2; exit 1; }
refused "keystore\|gateway" quintet-prover run
say "Both programs run in the files of their images, as $user"
