#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/demo as it is: the whole play, with the captions of both languages, prints what
# docs/apresentacao.md and docs/presentation.md show, whatever time it takes and ids it gives; and it
# leaves nothing, however it ends. demo_test.sh SOURCE_DIR BUILD_DIR [--write]
#
# --write puts into the documents what was printed.
set -uo pipefail
source_dir=$1
build_dir=$2
write=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset "${!TRIPLA_@}"
cd "$work" || exit 1
export LC_ALL=C.UTF-8
failures=0

expect() { # expect WHAT COMMAND...: the command succeeds
  "${@:2}" && return
  echo "FAILED: ${FUNCNAME[1]}: $1"
  [[ ! -s out ]] || head -n 20 out
  failures=$((failures + 1))
}

# The tree as it is, but nothing is installed or built.
cp -r "$source_dir/scripts" .
for folder in docs proto ratis-bridge src tests; do ln -s "$source_dir/$folder" .; done
ln -s "$build_dir" build
printf '#!/bin/sh\n' | tee scripts/setup >scripts/build
# A machine that lets nobody make networks, for whoever has stubs/ first in the path.
mkdir tmp stubs
printf '#!/bin/sh\nexit 1\n' >stubs/unshare && chmod +x stubs/unshare
export TMPDIR=$work/tmp

can_make_networks() {
  unshare --net --mount mount -t tmpfs tmpfs /run 2>/dev/null ||
    unshare --user --map-root-user --net --mount mount -t tmpfs tmpfs /run 2>/dev/null
}

free_port() { echo $((20000 + RANDOM % 10000)); } # most probably

nothing_is_left() { # neither a file nor a process
  [[ -z $(ls tmp) ]] && ! grep -qzs "^DEMO_DIRECTORY=$work/" /proc/[0-9]*/environ
}

# What chance, time and the machine decide: ids, ports and numbers of more than three digits; who leads,
# in which term, who wins a race, and what is said of others; how long claims and tests took and what
# they counted; how many threads there are; how a port is listened on; in which files Ratis has its log; which tests there are.
mask() {
  sed -E \
    -e '/^n[123] says of n[123]: /d; /current\/log_[0-9]+-[0-9]+$/d; /^[0-9]+ +n1\/(image|log\/[^\/]*\/sm)\//d' \
    -e 's/^ +[0-9]+ triplad$/N triplad/; /^ +[0-9]+ [a-z_-]+$/d; s/data "n[123]:7420"/WINNER/' \
    -e '/^\[ +OK \]/d; s/^(\[ +PASSED +\]) [0-9]+/\1 N/; s/^(.*) Test +#[0-9]+: (\w+) .*Passed +[0-9.]+ sec/\1 \2/' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+]+/TIME/' \
    -e 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g; s/\b[0-9a-f]{32}\b/ID/g; s/0x[0-9a-f]{16,}/KEY/g' \
    -e 's/(log_inprogress_)[0-9]+/\1N/; s/^(log_index|term|revision) +[0-9]+/\1 N/' \
    -e 's/\.image\.partial$/.image/; s/^LISTEN .*:7420 .*/LISTEN/' \
    -e 's/(within [0-9]+s: )[^;]*/\1WHY/' \
    -e 's/^(n[123]:7420 +n[123] +)(leader|follower) +(ready|not ready) +[0-9]+ +[0-9]+ +[0-9]+ +[0-9a-f]{8}$/\1STATE/' \
    -e '/^([✓✗?-]) +[a-z]+ +R[0-9]/{s/  +[0-9]+  .*//}' \
    -e 's/ +MS +FIGURES//; s/^(    [0-9]+ entries, [0-9]+ clients).*/\1/' \
    -e '/^(src|tests\/[a-z]+|ratis-bridge|all|(faults|bugs planted).*|Total Tests:) +[0-9]/s/[0-9]+/N/g' \
    -e '/^cut R21\./d; /^    [0-9]+(-[0-9]+)? (not applied|unknown|decided)/d' \
    -e 's/\b0{10,}[0-9]+\b/N/g; s/\b[0-9]{4,18}\b/N/g; s/seed [0-9]+/seed N/; s/revision [0-9]{3,}/revision N/' \
    -e 's/  +/ /g; s/ +$//'
}

acts_of() { # acts_of DOCUMENT: what stands between its two marks
  sed '1,/^<!-- scripts\/demo prints/d; /^<!-- to here -->$/,$d' "$1"
}

said_in() { # said_in LANGUAGE: the play's output with the captions of one language
  grep -v "^$([[ $1 == pt ]] && echo en || echo pt): " play | sed "s/^$1: //"
}

write_acts() { # write_acts DOCUMENT LANGUAGE
  { sed '/^<!-- scripts\/demo prints/q' "$1" && said_in "$2" && printf '\n' &&
    sed -n '/^<!-- to here -->$/,$p' "$1"; } >document
  cat document >"$1"
}

TheWholePlayPrintsWhatTheDocumentsShow() {
  local code=1 attempt
  # Replicas on a very busy machine may lose their leader twice while tripla-check tries a write without
  # a request id, which it must not repeat.
  for attempt in 1 2 3; do
    scripts/demo --lang both --pace 0 >play 2>out </dev/null
    code=$?
    grep -qF 'de tripla-check valeram' out || break
  done
  expect "it ends well" [ $code = 0 ]
  expect "it has nothing to complain of" [ ! -s out ]
  expect "nothing is left" nothing_is_left
  expect "the stress test stands still during the cut, and goes on after it" \
    awk '/^revision /{at[++n] = $2}
      END {exit !(n == 6 && at[1] < at[2] && at[3] == at[4] && at[4] < at[5] && at[5] < at[6])}' play
  local language document
  for language in pt en; do
    document=$source_dir/docs/$([[ $language == pt ]] && echo apresentacao || echo presentation).md
    [[ $write != --write ]] || write_acts "$document" "$language"
    expect "as in $document" diff <(acts_of "$document" | sed '$d' | mask) <(said_in "$language" | mask)
  done
}

BothLanguagesHaveTheSameCaptions() {
  names() { grep -v '^#' "scripts/demo.d/captions.$1" | sed 's/|.*//; /^$/d'; }
  expect "the same names in the same order" diff <(names pt) <(names en)
  requirements() { grep -v '^#' "scripts/demo.d/captions.$1" | grep -oE '^[a-z0-9-]+\||\bR[0-9]+\b'; }
  expect "the same requirements in each" diff <(requirements pt) <(requirements en)
}

BothDocumentsSayWhenEachRequirementIsShown() {
  times() { awk -F ' [|] ' '/^\| R[0-9]+ / {split($1, word, " "); print word[2], $3}' "$source_dir/docs/$1.md"; }
  expect "the same times" diff <(times apresentacao) <(times presentation)
  expect "R1 to R29, each once" diff <(seq 29 | sed 's/^/R/') <(times presentation | cut -d ' ' -f 1)
  expect "each is a time" [ "$(times presentation | grep -cE ' [0-9]+:[0-9]{2}$')" = 29 ]
}

next_run_says() { # next_run_says TEXT
  scripts/demo --acts 1 >out 2>&1 </dev/null &
  local next=$!
  timeout 60 sh -c "until grep -qF '$1' out; do sleep 0.1; done"
  local code=$?
  kill "$next"
  wait "$next"
  return "$code"
}

# At any moment. A demo that was killed cannot remove its directory.
EndsWithAllThatItStartedWhenItIsInterrupted() {
  local signal play
  for signal in INT TERM HUP KILL INT TERM; do
    env --default-signal=INT scripts/demo --acts 1-4 >out 2>&1 </dev/null &
    play=$!
    sleep "0.$((RANDOM % 900 + 100))"
    kill -s "$signal" "$play"
    wait "$play" 2>/dev/null
    if [[ $signal == KILL ]]; then
      # The kernel ends the rest.
      timeout 60 sh -c "while grep -qzs '^DEMO_DIRECTORY=$work/' /proc/[0-9]*/environ; do sleep 0.1; done"
      expect "the next run says what was left" next_run_says 'could not remove its files; do so with: rm -r'
      rm -rf tmp/tripla-demo.*
    fi
    expect "nothing is left after $signal" nothing_is_left
  done
}

EndsWithAllThatItStartedAlsoWithoutNetworks() {
  export TRIPLA_CLUSTER_PORT=$(free_port)
  PATH=$PWD/stubs:$PATH scripts/demo --acts 1 >out 2>&1 </dev/null &
  local play=$!
  timeout 60 sh -c 'until grep -q SUCCESS out; do sleep 0.1; done'
  kill "$play"
  wait "$play"
  expect "it says that it was ended" [ $? = 143 ]
  expect "nothing is left" nothing_is_left
  unset TRIPLA_CLUSTER_PORT
}

complains() { # complains CODE TEXT COMMAND...: in one line
  "${@:3}" >/dev/null 2>out </dev/null
  local code=$?
  expect "'${*:3}' ends with $1, not with $code" [ "$code" = "$1" ]
  expect "'${*:3}' says '$2'" grep -qF -- "$2" out
  expect "'${*:3}' says it in one line" [ "$(wc -l <out)" = 1 ]
}

SaysWhatIsWrongWithItsFlags() {
  complains 2 '--lang must be pt, en or both, not "fr"' scripts/demo --lang fr
  complains 2 '--pace must be a number such as 0, 1 or 1.5, not "slow"' scripts/demo --pace slow
  complains 2 '--acts must be a number from 1 to 8, or two such as 1-4, not "5-2"' scripts/demo --acts 5-2
  scripts/demo --loud 2>out
  expect "it shows its flags for one that it does not know" grep -q -- --record out
}

without() { # without PROGRAM COMMAND...: where that program is not installed
  local places=$work/without-$1 place
  mkdir -p "$places"
  for place in ${PATH//:/ }; do cp -ns "$place"/* "$places" 2>/dev/null; done
  rm -f "$places/$1"
  PATH=$places "${@:2}"
}

SaysWhatToDoWithoutAProgram() {
  complains 1 'install openjdk-17-jdk-headless, or choose --acts 1-4' without java scripts/demo
  complains 1 'scripts/setup record installs what --record needs and is not here: Xvfb' without Xvfb scripts/demo --record
  complains 1 'ffmpeg' without ffmpeg scripts/demo --record
}

WithoutNetworksItSaysWhichPortIsInUse() {
  local first
  first=$(free_port)
  build/bin/triplad --data-dir other --listen "127.0.0.1:$first" 2>messages &
  local server=$!
  timeout 60 sh -c 'until grep -q "ready on" messages; do sleep 0.1; done'
  export TRIPLA_CLUSTER_PORT=$first
  PATH=$PWD/stubs:$PATH complains 1 "port $first of 127.0.0.1 is in use" scripts/demo
  kill "$server" && wait "$server"
  PATH=$PWD/stubs:$PATH scripts/demo --acts 8 --lang en >out 2>&1
  expect "it goes on without, and says so" grep -q 'does not let networks be made' out
  unset TRIPLA_CLUSTER_PORT
  expect "nothing is left" nothing_is_left
}

ASmallTerminalIsSaidAndWrapsBetweenWords() {
  script --quiet --return --command 'stty rows 24 cols 80; scripts/demo --pace 0 --acts 1' /dev/null >out </dev/null
  expect "it ends well" [ $? = 0 ]
  expect "it is said" grep -q 'demo: this terminal has 80 x 24 characters' out
  sed -E '/^demo:/d; s/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\r//g' out >shown
  # The shell has the terminal for itself, and its help is wider.
  expect "only what is typed is wider" [ "$(sed '/^Verbs:$/,/^Examples:$/d; /^\$ /d' shown | grep -cE '^.{81}')" = 0 ]
  expect "a message is folded between words" grep -qx "    nothing was applied; the status verb shows the server's limits" shown
  expect "a command sees how the one before ended" [ "$(grep -A 1 -Fx '$ echo $?' shown | tail -n 1)" = 3 ]
}

for test in $(declare -F | sed -n 's/^declare -f \([A-Z].*\)/\1/p'); do
  if [[ $test == TheWhole* ]] && ! can_make_networks; then
    echo "skipped: $test: this machine lets nobody make networks"
    continue
  fi
  rm -f out
  "$test"
done
exit $((failures > 0))
