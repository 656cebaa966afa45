#!/bin/sh
# Builds, installs, demonstrates, tests, packages and removes prov.  See `./install.sh help`.
set -eu
umask 022

usage() {
    cat <<'TEXT'
usage: ./install.sh [COMMAND]

  (none)      build prov and install it, with completion and man pages
  demo        install prov and build three real servers on this machine with it
  test        run every test; ends with "N passed, N failed, N skipped"
  package     make a Debian package in build/
  uninstall   remove what was installed; workspaces stay
  help        this text

PREFIX=/some/dir says where to install: /usr/local by default for root, ~/.local otherwise
(/usr for `package`). PROV_SKIP_PACKAGES=1 never calls apt.
TEXT
}

# Debian package names, by what needs them.
build_packages="gcc libc6-dev cmake ninja-build pkg-config lua5.4 liblua5.4-dev lua-luv-dev
    libuv1-dev liblmdb-dev libjansson-dev libyaml-dev libssl-dev libargon2-dev libssh-dev
    libcurl4-openssl-dev libedit-dev libexpat1-dev libp11-kit-dev libpq-dev"
run_packages="mmdebstrap"
test_packages="libcmocka-dev zlib1g-dev lua-busted lua-check lua5.4 clang clang-tidy clang-format valgrind
    shellcheck busybox openssh-server openssh-client iproute2 procps curl jq python3 git dpkg-dev file
    podman runc zsh fish tmux faketime python3-venv python3-yaml python3-jsonschema python3-boto3 python3-hcloud hcloud-cli awscli age softhsm2 opensc gnutls-bin python3-cryptography oathtool python3-pyotp postgresql python3-hvac redis-server"
package_packages="dpkg-dev file"

source_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
cd "$source_dir"
command=${1:-install}
jobs=$(nproc 2>/dev/null || echo 2)
stage=
policy=

# --- saying, failing, cleaning up

say() { printf '==> %s\n' "$*"; }

die() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

# Whatever way the script ends, what it half made goes away.
cleanup() {
    status=$?
    trap - EXIT INT TERM HUP
    [ -z "$stage" ] || rm -rf "$stage"
    [ -z "$policy" ] || as_root rm -f "$policy"
    [ "$status" -lt 128 ] || echo "install.sh: interrupted; nothing was left half done" >&2
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# as_root COMMAND...: as root, by sudo when need be.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "this step needs root and there is no sudo; run as root: $*"
    fi
}

# --- packages

check_system() {
    [ "$(uname -s)" = Linux ] || die "prov runs on Linux; this is $(uname -s)"
    ID='' VERSION_ID='' PRETTY_NAME=''
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    case "$ID:$VERSION_ID" in
    debian:12 | debian:13 | ubuntu:24.04) ;;
    ubuntu:22.04) say "prov has not been tried on Ubuntu 22.04 yet" ;;
    *)
        echo "install.sh: ${PRETTY_NAME:-this system} is not one of Debian 12, Debian 13, Ubuntu 22.04, Ubuntu 24.04." >&2
        if [ -z "${PROV_SKIP_PACKAGES:-}" ]; then
            echo "What it would install:" $build_packages $run_packages >&2
            die "install those yourself, then run PROV_SKIP_PACKAGES=1 ./install.sh $command"
        fi
        ;;
    esac
}

# missing NAME...: those of the packages that are not installed, on one line.
missing() {
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        *" installed") ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# A daemon that comes with a package (sshd, for the tests) must not start by itself.
forbid_starts() {
    [ ! -e /usr/sbin/policy-rc.d ] || return 0
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

# stay_off UNIT...: nor at the next boot.
stay_off() {
    [ ! -d /run/systemd/system ] || as_root systemctl disable -q "$@" 2>/dev/null || true
}

# need WHAT NAME...: installs the packages that are missing.  Without any it needs no network.
need() {
    what=$1
    shift
    [ -z "${PROV_SKIP_PACKAGES:-}" ] || return 0
    wanted=$(missing "$@")
    if [ -z "$wanted" ]; then
        say "packages to $what: all here"
        return 0
    fi
    say "packages to $what: installing $wanted"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        die "installing packages needs root and there is no sudo; run as root: apt-get install $wanted"
    fi
    forbid_starts
    as_root apt-get update -qq || die "apt-get update failed (see above); is the network up?"
    # shellcheck disable=SC2086 # a list of names
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 $wanted >/dev/null </dev/null ||
        die "apt-get could not install: $wanted"
    case " $wanted" in *" openssh-server "*) stay_off ssh.service ssh.socket ;; esac
    case " $wanted" in
    *" podman "*)
        stay_off podman.service podman.socket podman-restart.service podman-auto-update.service \
            podman-auto-update.timer
        ;;
    esac
    [ -z "$policy" ] || as_root rm -f "$policy"
    policy=
}

# --- building

# build NAME CMAKE_ARGUMENT...: configures and builds build/NAME.
build() {
    dir=build/$1
    shift
    say "building in $dir"
    cmake -G Ninja -S . -B "$dir" "$@" >"$dir.log" 2>&1 || {
        cat "$dir.log" >&2
        die "cmake refused; the whole output is above"
    }
    ninja -C "$dir" -j "$jobs" >"$dir.log" 2>&1 || {
        grep -v '^\[' "$dir.log" >&2 || cat "$dir.log" >&2
        die "the build failed; the whole output is in $dir.log"
    }
}

build_release() {
    mkdir -p build
    build release -DCMAKE_BUILD_TYPE=Release -DPROV_TESTS=OFF
}

# --- installing

default_prefix() {
    if [ "$(id -u)" -eq 0 ]; then
        echo /usr/local
    else
        echo "${HOME:?}/.local"
    fi
}

# maybe_root COMMAND...: as root only when the prefix is not ours to write.
maybe_root() {
    probe=$prefix
    while [ ! -e "$probe" ]; do probe=$(dirname "$probe"); done
    if [ -w "$probe" ]; then
        "$@"
    else
        as_root "$@"
    fi
}

# Puts the staged tree into the prefix: first every file beside its place, then all renames, then
# what an older version left.  An interruption before the renames leaves the prefix as it was.
# The manifest lists the files and, ending in a slash, the folders that were made for them.
place_files() {
    # shellcheck disable=SC2016 # the inner shell expands these
    maybe_root sh -eu -c '
        export LC_ALL=C
        stage=$1 prefix=$2 manifest=$2/share/prov/install-manifest
        : >"$stage/dirs"
        undo() {
            trap - INT TERM HUP EXIT
            while read -r file; do rm -f "$prefix/$file.prov-new"; done <"$stage/files"
            sort -ru "$stage/dirs" | while read -r dir; do
                rmdir "$prefix/${dir%./}" 2>/dev/null || :
            done
            exit 130
        }
        make_dirs() {
            [ ! -d "$prefix/$1" ] || return 0
            case $1 in */*) make_dirs "${1%/*}" ;; esac
            printf "%s/\n" "$1" >>"$stage/dirs"
            mkdir -p "$prefix/$1"
        }
        trap undo INT TERM HUP EXIT
        make_dirs .
        make_dirs share/prov
        while read -r file; do
            make_dirs "${file%/*}"
            cp -P "$stage/root/$file" "$prefix/$file.prov-new"
        done <"$stage/files"
        trap "" INT TERM HUP
        trap - EXIT
        if [ -f "$manifest" ]; then cp "$manifest" "$stage/old"; else : >"$stage/old"; fi
        sort -u "$stage/files" "$stage/dirs" "$stage/old" >"$manifest.prov-new"
        mv -f "$manifest.prov-new" "$manifest"
        while read -r file; do mv -f "$prefix/$file.prov-new" "$prefix/$file"; done <"$stage/files"
        grep -v "/$" "$stage/old" | grep -vxF -f "$stage/files" | while read -r file; do
            rm -f "$prefix/$file"
        done
        grep "/$" "$stage/old" >>"$stage/dirs" || :
        sort -u "$stage/files" "$stage/dirs" >"$manifest.prov-new"
        mv -f "$manifest.prov-new" "$manifest"
    ' place_files "$stage" "$prefix"
}

install_prov() {
    prefix=${PREFIX:-$(default_prefix)}
    case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
    esac
    build_release
    say "installing into $prefix"
    stage=$(mktemp -d)
    cmake --install build/release --strip --prefix "$stage/root" >build/install.log 2>&1 || {
        cat build/install.log >&2
        die "cmake --install failed"
    }
    (cd "$stage/root" && find . -type f -o -type l) | sed 's|^\./||' | sort >"$stage/files"
    place_files
    rm -rf "$stage"
    stage=
    "$prefix/bin/prov" --version >/dev/null || die "the installed program does not start"
}

after_install() {
    say "installed $("$prefix/bin/prov" --version) as $prefix/bin/prov; remove it with: PREFIX=$prefix ./install.sh uninstall"
    case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) say "$prefix/bin is not in your PATH; add it: export PATH=\"$prefix/bin:\$PATH\"" ;;
    esac
}

uninstall() {
    prefix=${PREFIX:-$(default_prefix)}
    manifest=$prefix/share/prov/install-manifest
    if [ ! -f "$manifest" ]; then
        say "nothing to remove: prov is not installed in $prefix"
        return 0
    fi
    say "removing prov from $prefix"
    # shellcheck disable=SC2016 # the inner shell expands these
    maybe_root sh -eu -c '
        export LC_ALL=C
        prefix=$1 manifest=$1/share/prov/install-manifest
        grep -v "/$" "$manifest" | while read -r file; do
            rm -f "$prefix/$file" "$prefix/$file.prov-new"
        done
        dirs=$(grep "/$" "$manifest" | sort -r || :)
        rm -f "$manifest"
        for dir in $dirs; do rmdir "$prefix/${dir%./}" 2>/dev/null || :; done
    ' uninstall "$prefix"
}

# --- the commands

demo() {
    check_system
    need "build" $build_packages
    need "run servers here" $run_packages
    install_prov
    say "creating three servers on this machine (workspaces/quickstart)"
    if [ "$(id -u)" -ne 0 ]; then
        say "the local provider makes namespaces and mounts, so this part runs as root"
    fi
    as_root "$prefix/bin/prov" apply -w "$source_dir/workspaces/quickstart" --yes </dev/null
    prov=prov
    command -v prov >/dev/null 2>&1 || prov=$prefix/bin/prov
    [ "$(id -u)" -eq 0 ] || prov="sudo $prefix/bin/prov"
    cat <<TEXT

What to do next:
  cd $source_dir/workspaces/quickstart
  curl http://127.0.0.1:8080/             the load balancer, in front of two nginx
  $prov status                        what exists and how it is
  $prov server exec web-1 -- uptime   run something on a server
  $prov plan                          after editing infra.yaml: what would change
  $prov destroy                       take it all away again
TEXT
}

run_tests() {
    check_system
    need "build" $build_packages
    need "run servers here" $run_packages
    need "test" $test_packages
    mkdir -p build
    build test-release -DCMAKE_BUILD_TYPE=Release -DPROV_WERROR=ON -DPROV_TESTS=ON
    build test-asan -DCMAKE_BUILD_TYPE=Debug -DPROV_WERROR=ON -DPROV_TESTS=ON \
        -DPROV_SANITIZE=address,undefined
    tests/support/run_all.sh "$PWD/build/test-release" "$PWD/build/test-asan" "${1:-.}"
}

package() {
    check_system
    need "build" $build_packages
    need "package" $package_packages
    mkdir -p build
    build package -DCMAKE_BUILD_TYPE=Release -DPROV_TESTS=OFF "-DCMAKE_INSTALL_PREFIX=${PREFIX:-/usr}"
    say "packaging"
    (cd build/package && cpack -G DEB >../package.log 2>&1) || {
        cat build/package.log >&2
        die "cpack failed"
    }
    for deb in build/package/*.deb; do
        mv -f "$deb" build/
        say "made build/${deb##*/}; install it with: apt install ./build/${deb##*/}"
    done
}

case $command in
install)
    check_system
    need "build" $build_packages
    install_prov
    after_install
    ;;
demo) demo ;;
test) run_tests "${2:-}" ;;
package) package ;;
uninstall) uninstall ;;
help | -h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
