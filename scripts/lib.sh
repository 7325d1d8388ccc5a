# shellcheck shell=bash
# What the scripts here share. Sourced, never run: each sets `set -euo pipefail` itself.

# The project, and the script that runs; both good from any folder.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$root/scripts/${0##*/}

# say WORDS...: one line for people.
say() { printf '%s\n' "$*" >&2; }

# die WORDS...: the same, and the end.
die() {
  say "${0##*/}: $*"
  exit 1
}

# usage: prints the comment at the head of the script that runs.
usage() { sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$script"; }

# as_root COMMAND...: runs it with root's rights.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for: $*. Run that as root, then this again."
  fi
}

# need PACKAGE:PROGRAM...: installs with apt the packages whose program is missing.
need() {
  local pair missing=() PATH=$PATH:/usr/sbin:/sbin
  for pair; do
    command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "please install: ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "run as root, then this again: apt install ${missing[*]}"
  say "Installing with apt: ${missing[*]}"
  apt_install "${missing[@]}" || {
    as_root apt-get -qq update >&2 </dev/null
    apt_install "${missing[@]}" || die "apt could not install: ${missing[*]}"
  }
}

# apt_install PACKAGE...: no service among them is started.
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 \
    apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$@" >/dev/null </dev/null
}

# cargo_need CRATE [PROGRAM [OPTION...]]: installs a program that is a crate.
cargo_need() {
  local crate=$1 program=${2:-$1}
  shift
  [ $# -eq 0 ] || shift
  command -v "$program" >/dev/null && return
  say "Installing $program (some minutes, once)"
  cargo install --quiet --locked "$@" "$crate" >&2 </dev/null
}

# apt_lists: makes sure that apt knows of packages, as a fresh container does not.
apt_lists() {
  [ -n "$(apt-cache pkgnames debian-policy 2>/dev/null)" ] || as_root apt-get -qq update >&2 </dev/null
}

# deb_download PACKAGE FOLDER: unpacks a package into FOLDER without installing it.
deb_download() {
  local package=$1 folder=$2 download
  download=$(mktemp -d)
  # As root, apt would drop to a user that cannot write here.
  if (cd "$download" && apt-get -qq -o APT::Sandbox::User=root download "$package") >&2 </dev/null &&
    dpkg -x "$download"/*.deb "$folder"; then
    rm -rf "$download"
  else
    rm -rf "$download"
    return 1
  fi
}

# cargo_here: makes sure that there is a cargo, also one that this shell has not been told of.
cargo_here() {
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  command -v cargo >/dev/null || die "needs Rust: see https://rustup.rs, then run this again"
}

# bench_python: a Python with what the benches need, $venv/bin/python, in target/.
bench_python() {
  venv=$root/target/bench-venv
  if [ ! -x "$venv/bin/ratarmount" ]; then
    say "Installing ratarmount and matplotlib with pip into target/"
    rm -rf "$venv"
    python3 -m venv "$venv" 2>/dev/null || {
      apt_install python3-venv
      python3 -m venv "$venv"
    }
    "$venv/bin/pip" install --quiet --disable-pip-version-check matplotlib ratarmount >&2
  fi
}
