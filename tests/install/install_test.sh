#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build into an empty prefix and uses it as somebody would who has nothing else: two small
# programs find the library by CMake and by pkg-config, and the programs run from there.
# install_test.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source_dir=$1
build_dir=$2
work=$(mktemp -d)
prefix=$work/prefix
server=
trap '[[ -z $server ]] || kill -9 "$server" 2>/dev/null || true
  [[ ! -d $work/data/cluster ]] || (cd "$work" && scripts/cluster stop) || true; rm -rf "$work"' EXIT
unset "${!TRIPLA_@}"

fail() {
  echo "FAILED: $1" >&2
  [[ -z ${2:-} ]] || cat "$2" >&2
  exit 1
}
quietly() { # quietly WHAT COMMAND...: its output is shown when it fails
  "${@:2}" >"$work/out" 2>&1 || fail "$1" "$work/out"
}

quietly "cmake --install" cmake --install "$build_dir" --prefix "$prefix"
cd "$work"

# What is there. The prefix must be enough: nothing in it may name the tree that it came from.
for file in bin/triplad bin/tripla bin/tripla-check bin/tripla-bench bin/tripla-verify include/tripla/client.h \
  share/tripla/proto/tripla/v1/tripla.proto share/doc/tripla/LICENSE share/doc/tripla/docs/cli.md; do
  [[ -e $prefix/$file ]] || fail "$file is not installed"
done
for tree in "$source_dir/" "$build_dir/"; do
  for kind in '*.cmake' '*.pc' '*.h'; do
    ! grep -rlF --include="$kind" -- "$tree" "$prefix" || fail "the files above name $tree"
  done
done

# No document links to what is not installed.
while IFS=: read -r document link; do
  link=${link#](}
  [[ -e $(dirname "$document")/${link%%[#)]*} ]] || fail "$document links to ${link%)}, which is not installed"
done < <(grep -roE --include='*.md' '\]\([^)#:][^):]*\)' "$prefix/share/doc/tripla")

# A program that uses the library, by either way.
cp -r "$source_dir/tests/install/user" .
quietly "find_package(tripla)" cmake -S user -B by_cmake -G Ninja "-DCMAKE_PREFIX_PATH=$prefix"
quietly "building with CMake" cmake --build by_cmake
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name tripla.pc)")
pkg-config --exact-version="$(sed -n 's/^project(tripla VERSION \([0-9.]*\).*/\1/p' "$source_dir/CMakeLists.txt")" tripla ||
  fail "pkg-config tripla has another version than the project"
read -ra flags <<<"$(pkg-config --cflags --libs tripla)"
quietly "building with pkg-config" c++ -std=c++20 user/main.cc -o by_pkg_config "${flags[@]}"

if c++ -std=c++17 -fsyntax-only user/main.cc "${flags[@]}" 2>"$work/out"; then fail "C++17 is taken"; fi
grep -q 'tripla needs C++20' "$work/out" || fail "C++17 is not refused in plain words" "$work/out"

# The programs, from the prefix alone.
: >messages
"$prefix/bin/triplad" --listen 127.0.0.1:0 --data-dir one >messages 2>&1 &
server=$!
until endpoint=$(sed -n 's/.*ready on //p' messages) && [[ -n $endpoint ]]; do
  kill -0 "$server" 2>/dev/null || fail "triplad ended" messages
  sleep 0.05
done
[[ $(by_cmake/user "$endpoint" 1) == "stored lala" ]] || fail "the program built with CMake"
[[ $(./by_pkg_config "$endpoint" 2) == "stored lala" ]] || fail "the program built with pkg-config"
"$prefix/bin/tripla" --server "$endpoint" get 2 >out || fail "tripla" out
grep -q 'data "lala"' out || fail "tripla" out
quietly "tripla-check" "$prefix/bin/tripla-check" --endpoints "$endpoint" --claim R4.set-absent api
quietly "tripla-bench" "$prefix/bin/tripla-bench" --help
kill "$server"
wait "$server" || fail "triplad did not end in order" messages
server=
quietly "tripla-verify" "$prefix/bin/tripla-verify" one

# Replicas, which load their jars from the prefix.
[[ -e $build_dir/lib/tripla/built ]] || exit 0
source "$source_dir/tests/scripts/tree.sh"
scripts_tree "$source_dir" "$prefix/bin"
quietly "a cluster" scripts/cluster start
quietly "a write to it" scripts/cluster shell set 1 lala
for n in 1 2 3; do
  # One of the files may have been closed meanwhile.
  files=$(readlink "/proc/$(<data/cluster/n$n/lock)"/fd/*) || true
  [[ $files == *"$prefix/lib/tripla/"* ]] ||
    fail "n$n has loaded its jars from elsewhere"
done
quietly "stopping it" scripts/cluster stop
