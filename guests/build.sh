#!/usr/bin/env bash
# Builds the guest programs into guests/elf, byte for byte the same on every machine.
#
#   guests/build.sh                      build, replace guests/elf and its SHA256SUMS
#   guests/build.sh --check              build, compare with guests/elf, change nothing
#   guests/build.sh --toolchain NAME     debian (default where apt-get is): Debian's packages, unpacked, not installed
#                                        rustup: `rustup toolchain install`, where its servers can be reached
#
# Exit code 1: a build failed, or an ELF differs. 2: usage. 3: the toolchain cannot be had here.
#
# The committed ELFs are those of the debian toolchain. A rustup build of the same version runs as well, but Debian's
# LLVM is another build, so equal bytes are not promised there.
set -euo pipefail

RUST=1.96.0
DEBIAN_RUST=1.96.0+dfsg1-1~deb12u2
DEBIAN_LLVM=1:22.1.8-1~deb12u1

# Cargo hashes absolute paths of crates and target files into symbol names, so the build happens at a fixed place.
STAGE=/tmp/quintet-guests

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
mode=build
toolchain=auto
while [ $# -gt 0 ]; do
    case "$1" in
        --check) mode=check ;;
        --toolchain) toolchain=${2:?--toolchain needs a name}; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
if [ "$toolchain" = auto ]; then
    if command -v apt-get dpkg > /dev/null && [ "$(dpkg --print-architecture)" = amd64 ]; then
        toolchain=debian
    else
        toolchain=rustup
    fi
fi

# Debian's compiler, cargo, library source and linker in a folder of their own. RUSTC_BOOTSTRAP allows -Zbuild-std.
use_debian() {
    local root=${XDG_CACHE_HOME:-$HOME/.cache}/quintet/guest-toolchain/debian-$DEBIAN_RUST
    if [ ! -e "$root/complete" ]; then
        local debs
        debs=$(mktemp -d)
        local names=(
            "rustc-web=$DEBIAN_RUST" "cargo-web=$DEBIAN_RUST" "rust-web-src=$DEBIAN_RUST"
            "libstd-rust-web-dev=$DEBIAN_RUST" "libstd-rust-web-1.96=$DEBIAN_RUST"
            "libllvm22=$DEBIAN_LLVM" "lld-22=$DEBIAN_LLVM"
            libgit2-1.5 libmbedcrypto7 libmbedx509-1 libmbedtls14 libhttp-parser2.9
        )
        echo "fetching Debian's Rust $DEBIAN_RUST" >&2
        if ! (cd "$debs" && apt-get -qq download "${names[@]}" 2> apt.log); then
            # The package lists of a new machine are empty or old.
            (cd "$debs" && apt-get -qq update && apt-get -qq download "${names[@]}" 2> apt.log) || {
                cat "$debs/apt.log" >&2
                echo "Debian no longer has these versions; see docs/guests.md on moving to newer ones" >&2
                exit 3
            }
        fi
        rm -rf "$root"
        mkdir -p "$root"
        for deb in "$debs"/*.deb; do dpkg -x "$deb" "$root"; done
        rm -rf "$debs"
        touch "$root/complete"
    fi
    export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib
    export RUSTC=$root/usr/bin/rustc RUSTDOC=$root/usr/bin/rustdoc
    cargo=$root/usr/bin/cargo
    linker=$root/usr/lib/llvm-22/bin/ld.lld
    id="debian rustc-web $DEBIAN_RUST lld-22 $DEBIAN_LLVM"
}

use_rustup() {
    rustup toolchain install "$RUST" --profile minimal --component rust-src >&2 || exit 3
    local sysroot
    sysroot=$(rustup run "$RUST" rustc --print sysroot)
    export RUSTC=$sysroot/bin/rustc RUSTDOC=$sysroot/bin/rustdoc
    cargo=$sysroot/bin/cargo
    linker=$(echo "$sysroot"/lib/rustlib/*/bin/rust-lld)
    id="rustup $RUST"
}

case "$toolchain" in
    debian) use_debian ;;
    rustup) use_rustup ;;
    *) echo "no toolchain named $toolchain" >&2; exit 2 ;;
esac
export RUSTC_BOOTSTRAP=1
unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER

# The sources that count, at the fixed place; one build at a time.
mkdir -p -m 700 "$STAGE"
[ -O "$STAGE" ] || { echo "$STAGE belongs to someone else" >&2; exit 3; }
exec 9> "$STAGE/lock"
flock 9
rm -rf "$STAGE/src"
mkdir -p "$STAGE/src/crates"
cp "$repo/Cargo.toml" "$STAGE/src/"
cp -r "$repo/crates/payload" "$STAGE/src/crates/"
mkdir "$STAGE/src/guests"
cp -r "$here"/{Cargo.toml,Cargo.lock,riscv64im-quintet.json,rt,payload,tests} "$STAGE/src/guests/"
cd "$STAGE/src/guests"

flags=(
    "-Clinker=$linker"
    "-Clink-arg=-T$STAGE/src/guests/rt/machine.ld"
    -Clink-arg=--gc-sections
    -Clink-arg=-zmax-page-size=4096
    -Cpasses=lower-atomic      # one hart: atomics become plain loads and stores
    -Zlocation-detail=none     # panics have no message, so nothing needs their place
    "--remap-path-prefix=$STAGE/src=/quintet"
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    "--remap-path-prefix=$("$RUSTC" --print sysroot)=/rust"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS

# build TARGET_DIR ARGUMENT…
build() {
    local target=$1
    shift
    CARGO_TARGET_DIR="$STAGE/$target" "$cargo" build --quiet --locked --release "$@" \
        --target "$STAGE/src/guests/riscv64im-quintet.json" -Zjson-target-spec -Zbuild-std=core,alloc,compiler_builtins
}

# A target folder for each toolchain and variant: nothing stale is ever mixed in, and repeated builds are quick.
dir=target-$(echo "$id" | sha256sum | head -c 8)
build "$dir/machine" -p quintet-guest-payload -p quintet-guest-tests
build "$dir/linux" -p quintet-guest-tests --features quintet-guest-tests/linux

rm -rf "$STAGE/elf"
mkdir -p "$STAGE/elf/tests"
cp "$STAGE/$dir/machine/riscv64im-quintet/release/payload" "$STAGE/elf/payload.elf"
for source in tests/src/bin/*.rs; do
    name=$(basename "$source" .rs)
    cp "$STAGE/$dir/machine/riscv64im-quintet/release/$name" "$STAGE/elf/tests/$name.elf"
    cp "$STAGE/$dir/linux/riscv64im-quintet/release/$name" "$STAGE/elf/tests/$name.linux.elf"
done
cd "$STAGE/elf"
chmod 644 payload.elf tests/*.elf
chmod 755 tests/*.linux.elf # qemu runs executable files only
{ echo "# $id"; find . -name '*.elf' -printf '%P\n' | LC_ALL=C sort | xargs sha256sum; } > SHA256SUMS

if [ "$mode" = build ]; then
    rm -rf "$here/elf"
    cp -r "$STAGE/elf" "$here/elf"
    cat SHA256SUMS
elif diff "$here/elf/SHA256SUMS" SHA256SUMS && (cd "$here/elf" && sha256sum --quiet --check SHA256SUMS); then
    echo "guests/elf is what $id makes of the sources"
else
    echo "guests/elf differs from what $id makes of the sources" >&2
    exit 1
fi
