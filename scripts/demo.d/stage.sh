# SPDX-License-Identifier: Apache-2.0
# What the audience sees: captions, commands that are typed and run, and pauses. And what it does not
# see: waiting. play.sh sources this.

# The captions of LANGUAGE.NAME; \n in them ends a line. With two languages each line begins with its
# language.
declare -A caption
read_captions() { # read_captions LANGUAGE...
  local name text
  languages=("$@")
  for language; do
    while IFS='|' read -r name text; do
      [[ -z $name || $name == '#'* ]] || caption[$language.$name]=${text//'\n'/$'\n'}
    done <"$here/captions.$language"
  done
}

each_language() { # each_language COMMAND NAME...: runs COMMAND TEXT for the caption of each language
  local language prefix=
  for language in "${languages[@]}"; do
    [[ ${#languages[@]} == 1 ]] || prefix="$language: "
    "$1" "$prefix${caption[$language.$2]//$'\n'/$'\n'$prefix}"
  done
}

stop() { # stop WHAT: ends the play
  close_block
  echo "demo: $1" >&2
  exit 1
}

stop_with() { # stop_with NAME VALUE...: ends the play, with a caption
  local text
  # shellcheck disable=SC2059
  printf -v text "${caption[${languages[0]}.$1]}" "${@:2}"
  stop "$text"
}

# On a terminal there are colours; else the output is Markdown.
[[ -t 1 ]] && terminal=true || terminal=false
colour() { ! $terminal || printf '\e[%sm' "$1"; }

# Marks of time, for the chapters of a recording and for the table of requirements.
begun=$EPOCHREALTIME
[[ -z ${DEMO_MARKS:-} ]] || echo "0 begun $begun" >"$DEMO_MARKS"
mark() { # mark WHAT
  [[ -n ${DEMO_MARKS:-} ]] || return 0
  local now=$EPOCHREALTIME
  echo "$(((${now/./} - ${begun/./}) / 1000)) $1" >>"$DEMO_MARKS"
}

# Pauses

exec {silence}<> <(:) # nothing ever comes from it, so a read waits as long as it may
rest() { # rest MILLISECONDS, at a pace of 1
  local ms=$(($1 * pace / 1000)) ignored
  [[ $ms == 0 ]] || read -rt "$((ms / 1000)).$(printf %03d $((ms % 1000)))" -u "$silence" ignored || true
}

key_if_stepping() {
  local ignored
  ! $step || read -rsn 1 ignored </dev/tty
}

await() { # await WHAT COMMAND...: until the command succeeds, unseen; two minutes at most
  local begin=$SECONDS
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS - begin < 120)) || stop_with not-in-time "$1"
    sleep 0.1
  done
}

seconds_until() { # seconds_until SECONDS: counts what is left until $SECONDS is that
  while [[ $SECONDS -lt $1 ]]; do
    ! $terminal || printf '\r\e[33m  %2d s \e[0m' "$(($1 - SECONDS))"
    sleep 0.2
  done
  ! $terminal || printf '\r\e[K'
}

# Captions

wrap() { # wrap INDENT TEXT: in lines that fit the terminal
  local line word whole
  while IFS= read -r whole; do
    line=$1
    for word in $whole; do
      if [[ $line != "$1" && $((${#line} + ${#word} + 1)) -gt $columns ]]; then
        printf '%s\n' "$line"
        line=$1
      fi
      [[ $line == "$1" ]] && line+=$word || line+=" $word"
    done
    printf '%s\n' "$line"
  done <<<"$2"
}

block=false # whether a block of commands is open in the Markdown
open_block() {
  $terminal || $block || printf '\n```console\n'
  block=true
}
close_block() {
  $terminal || ! $block || printf '```\n'
  block=false
}

act() { # act NUMBER: its title
  close_block
  mark "act-$1 ${caption[${languages[0]}.act-$1]}"
  ! $terminal || [[ $pace == 0 ]] || printf '\e[2J\e[3J\e[H'
  printf '\n'
  each_language show_title "act-$1"
  rest 1000
}

show_title() {
  if $terminal; then
    printf '\e[1;37;44m %s \e[0m\n' "$1"
  else
    sed -E 's/^([a-z]+: )?/\1## /' <<<"$1"
  fi
}

say() { # say NAME: a caption
  local text=${caption[${languages[0]}.$1]} requirement
  close_block
  for requirement in $(grep -oE '\bR[0-9]+\b' <<<"$text"); do mark "$requirement"; done
  printf '\n'
  each_language show_caption "$1"
  rest $((400 + ${#text} * 36))
  key_if_stepping
}

show_caption() {
  if $terminal; then
    wrap '  ' "$1" | sed -e 's/^/\x1b[36m/; s/$/\x1b[0m/' -e 's/\bR[0-9]\+\b/\x1b[1;33m&\x1b[0;36m/g'
  else
    printf '%s\n' "$1"
  fi
}

drawing() { # what comes on standard input, as it is
  close_block
  if $terminal; then
    printf '\n\e[1;37m'
    cat
    printf '\e[0m'
    rest 3000
  else
    printf '\n```\n'
    cat
    printf '```\n'
  fi
}

# Commands

type_command() { # type_command COMMAND
  local i
  open_block
  colour '1;32'
  printf '$ '
  colour '0;1'
  if $terminal && [[ $pace != 0 ]]; then
    rest 80
    for ((i = 0; i < ${#1}; ++i)); do
      printf '%s' "${1:i:1}"
      rest 10
    done
    rest 50
    printf '\n'
  else
    printf '%s\n' "$1"
  fi
  colour 0
}

last=0 # the exit code of the last command that was shown
# As a shell would to which COMMAND is typed. On a terminal what it prints is folded when it has
# ended. What it says of its progress, when it does not have to fail, is seen at once.
perform() { # perform COMMAND CODE
  local command="(exit $last)
$1"
  if ! $terminal; then
    eval "$command" 2>&1
  elif [[ $2 == 0 ]]; then
    eval "$command" >printed
  else
    eval "$command" >printed 2>&1
  fi
  last=$?
  ! $terminal || fold_lines <printed
}
perform_apart() {
  (eval "$1" 2>&1)
  last=$?
}

fold_lines() { # between words; what does not fit goes on below, with an indent
  local line begin
  while IFS= read -r line; do
    while [[ ${#line} -gt $columns && ${line:0:columns+1} == *[!\ ]\ * ]]; do
      begin=${line:0:columns+1}
      begin=${begin% *}
      printf '%s\n' "$begin"
      line="    ${line:${#begin}+1}"
    done
    printf '%s\n' "$line"
  done
}

# run [FLAG...] COMMAND: types and runs it; the play ends if it does not end as it must.
#   --to CODE               it must end with this code, not with 0
#   --reading MILLISECONDS  what it prints takes so long to read
#   --at-once               it is not typed and nobody reads, as it must be run right now
#   --apart                 what it starts is not for the `wait` of a later command; what it prints is
#                           seen at once
run() {
  local code=0 reading=850 at_once=false perform=perform
  while [[ $1 == --* ]]; do
    case $1 in
      --to) code=$2 && shift ;;
      --reading) reading=$2 && shift ;;
      --at-once) at_once=true ;;
      --apart) perform=perform_apart reading=300 ;;
    esac
    shift
  done
  if $at_once; then pace=0 type_command "$1"; else type_command "$1"; fi
  $perform "$1" "$code"
  [[ $last == "$code" ]] || stop_with another-end "$1" "$last" "$code"
  $at_once && return
  rest "$reading"
  key_if_stepping
}

begin_play() {
  rest 1500
  if [[ $first_act == 1 ]]; then
    act 0
    say opening-what
    say opening-how
    [[ $own_network == 0 ]] || say opening-machines
  fi
  [[ $own_network != 0 ]] || say no-network
}

end_play() {
  [[ $last_act != 8 ]] || say closing
  close_block
  mark end
}
