#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The scripts that build, run and test, each in a copy of scripts/ where stubs stand for what takes
# long. scripts_test.sh SOURCE_DIR BUILD_DIR
set -uo pipefail
source_dir=$1
build_dir=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset "${!TRIPLA_@}"
failures=0

expect() { # expect WHAT COMMAND...: the command succeeds
  "${@:2}" && return
  echo "FAILED: ${FUNCNAME[1]}: $1"
  failures=$((failures + 1))
}

fresh() { # a new copy of the scripts, with stubs for these
  rm -rf "$work/tree" && mkdir -p "$work/tree/stubs" && cd "$work/tree" && cp -r "$source_dir/scripts" .
  local name
  for name; do
    printf '#!/bin/sh\necho "%s $*" >>"%s/called"\n' "$name" "$PWD" >"scripts/$name"
  done
}

stub() { # stub NAME, with the script on standard input: first in the path
  { echo '#!/bin/sh' && cat; } >"stubs/$1"
  chmod +x "stubs/$1"
}

lines() { wc -l <"$1"; }

# scripts/test

# Three builds of tests that pass, but one in the first, whose seed is 77 unless one is given.
three_builds() {
  local directory
  for directory in build build-asan build-tsan; do
    mkdir -p "$directory"
    cat >"$directory/CTestTestfile.cmake" <<EOF
add_test(good_test "sh" "-c" "echo good in $directory >>$PWD/ran")
set_tests_properties(good_test PROPERTIES LABELS unit)
EOF
  done
  cat >bad_test <<EOF
echo TRIPLA_SEED=\${TRIPLA_SEED:-77}
echo "bad with \${TRIPLA_SEED:-chance} \${TRIPLA_LONG:+long}" >>$PWD/ran
exit 1
EOF
  echo "add_test(bad_test sh $PWD/bad_test)" >>build/CTestTestfile.cmake
}

TestRunsAllThreeBuildsThoughATestFails() {
  fresh setup build
  three_builds
  local code=0
  scripts/test >out 2>&1 || code=$?
  expect "it ends with 1" [ $code = 1 ]
  expect "the tests of the second build ran" grep -q 'good in build-asan' ran
  expect "the tests of the third build ran" grep -q 'good in build-tsan' ran
  expect "ctest's own last lines are shown" grep -q '100% tests passed' out
  expect "the last line sums up" grep -q \
    '^test: FAILED. release: 1 of 2 tests failed; asan: 1 tests passed; tsan: 1 tests passed. Repeat with: ' \
    <(tail -n 1 out)
}

TestSaysACommandThatRepeatsWhatFailedAlsoFromElsewhere() {
  fresh setup build
  three_builds
  mkdir elsewhere && cd elsewhere || return
  ../scripts/test --long >../out 2>&1
  rm ../ran
  bash -c "$(tail -n 1 ../out | sed 's/.* Repeat with: //')" >../again 2>&1
  expect "the command fails as the test did" [ $? = 8 ]
  expect "it ran that test alone, with its seed and dose" [ "$(cat ../ran)" = "bad with 77 long" ]
}

TestGoesOnWhenABuildFails() {
  fresh setup build
  three_builds
  sed -i 's/^add_test(bad_test.*//' build/CTestTestfile.cmake
  printf '#!/bin/sh\n[ "$1" != asan ]\n' >scripts/build
  local code=0
  scripts/test >out 2>&1 || code=$?
  expect "it ends with 1" [ $code = 1 ]
  expect "the tests of the third build ran" grep -q 'good in build-tsan' ran
  expect "the last line sums up" [ "$(tail -n 1 out)" = \
    "test: FAILED. release: 1 tests passed; asan was not built; tsan: 1 tests passed. Repeat with: scripts/build asan" ]
}

TestSaysSoWhenAllIsWell() {
  fresh setup build
  three_builds
  sed -i 's/^add_test(bad_test.*//' build/CTestTestfile.cmake
  expect "it succeeds" scripts/test >out 2>&1
  expect "the last line sums up" [ "$(tail -n 1 out)" = \
    "test: all is well. release: 1 tests passed; asan: 1 tests passed; tsan: 1 tests passed" ]
}

TestSaysWhatWasSkippedAndDoesNotCallItPassed() {
  fresh setup build
  three_builds
  sed -i 's/^add_test(bad_test.*//' build/CTestTestfile.cmake
  local test
  for test in one_test two_test; do
    echo "add_test($test sh -c \"exit 77\")" >>build/CTestTestfile.cmake
    echo "set_tests_properties($test PROPERTIES SKIP_RETURN_CODE 77)" >>build/CTestTestfile.cmake
  done
  expect "it succeeds" scripts/test >out 2>&1
  expect "the last line names them" [ "$(tail -n 1 out)" = \
    "test: all is well. release: 1 tests passed, 2 skipped: one_test, two_test; asan: 1 tests passed; tsan: 1 tests passed" ]
  echo "add_test(bad_test sh $PWD/bad_test)" >>build/CTestTestfile.cmake
  scripts/test >out 2>&1
  expect "also beside a test that fails" grep -q \
    '^test: FAILED. release: 1 of 4 tests failed, 2 skipped: one_test, two_test; asan' <(tail -n 1 out)
}

TestFailsWhenABuildHoldsNoTests() {
  fresh setup build
  three_builds
  : >build-tsan/CTestTestfile.cmake
  expect "it fails" [ "$(scripts/test >out 2>&1; echo $?)" = 1 ]
  expect "the last line says of which build" grep -q 'tsan: ctest itself failed' <(tail -n 1 out)
}

# scripts/build and scripts/run

BuildAnnouncesOnlyWhenThereIsSomethingToBuild() {
  fresh
  mkdir build && touch build/build.ninja build/CMakeCache.txt
  export PATH=$PWD/stubs:$PATH
  echo 'echo "[0/1] Re-checking globbed directories..."; echo "ninja: no work to do."' | stub cmake
  scripts/build --announce "this builds" >out 2>&1
  expect "nothing is said" [ ! -s out ]
  echo 'echo "[1/2] Building CXX object"; echo "[2/2] Linking"' | stub cmake
  scripts/build --announce "this builds" >out 2>&1
  expect "it is said first" [ "$(head -n 1 out)" = "this builds" ]
  expect "and once" [ "$(grep -c 'this builds' out)" = 1 ]
  rm build/build.ninja
  echo 'echo configured' | stub cmake
  scripts/build --announce "this builds" >out 2>&1
  expect "before it configures as well" [ "$(head -n 1 out)" = "this builds" ]
  echo 'echo "FAILED: a.o"; exit 3' | stub cmake
  expect "a build that fails is a failure" [ "$(scripts/build >out 2>&1; echo $?)" != 0 ]
}

BuildDoesNotConfigureAnewForRunAfterCluster() {
  fresh
  mkdir build && touch build/build.ninja && echo TRIPLA_RATIS:BOOL=ON >build/CMakeCache.txt
  export PATH=$PWD/stubs:$PATH
  echo "echo \$* >>$PWD/called" | stub cmake
  scripts/build release -DTRIPLA_RATIS=ON -- triplad tripla
  scripts/build release -- triplad tripla
  expect "cmake only builds, and only the targets" \
    [ "$(sort -u called)" = "--build build --target triplad tripla" ]
}

RunBuildsOnlyWhatItStarts() {
  fresh setup build
  scripts/run get 1 >out 2>&1
  local targets
  targets=$(sed -n 's/^build .* -- //p' called)
  expect "it names its targets" [ "$targets" = "triplad tripla" ]
  expect "it says what it does" grep -q '^build --announce run: building' called
  [[ -f $build_dir/build.ninja ]] || return 0
  # shellcheck disable=SC2086
  ninja -C "$build_dir" -t inputs $targets >inputs
  expect "the build knows these" [ -s inputs ]
  expect "no test is among what they need" [ "$(grep -cE '_test\.cc|^tests/|gtest' inputs)" = 0 ]
}

# scripts/cluster

ClusterRefusesABadPortWithOneLine() {
  fresh setup build
  local port
  for port in 0 65434 99999 123456 -1 07421 7421x "7 421" x; do
    expect "$port is refused" [ "$(TRIPLA_CLUSTER_PORT=$port scripts/cluster start >out 2>&1; echo $?)" = 2 ]
    expect "$port is named in one line" [ "$(lines out)" = 1 ]
    expect "$port is named" grep -qF -- "\"$port\"" out
  done
  expect "nothing was built" [ ! -e called ]
}

ClusterKeepsThePortItWasMadeWith() {
  fresh setup build
  mkdir -p data/cluster/n1 && echo 9000 >data/cluster/port
  expect "another is refused" [ "$(TRIPLA_CLUSTER_PORT=9100 scripts/cluster stop 2>out; echo $?)" = 2 ]
  expect "its own is named" grep -q 'made for port 9000' out
  expect "the same is taken" env TRIPLA_CLUSTER_PORT=9000 scripts/cluster stop
  expect "none is taken" scripts/cluster stop
}

ClusterSaysThatNothingIsBuilt() {
  fresh setup build
  expect "it fails" [ "$(scripts/cluster status 2>out; echo $?)" = 1 ]
  expect "it says what to do" grep -q 'scripts/cluster start builds it' out
}

for test in $(declare -F | sed -n 's/^declare -f \([A-Z].*\)/\1/p'); do
  path=$PATH
  "$test"
  PATH=$path
done
exit $((failures > 0))
