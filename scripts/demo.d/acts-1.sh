# SPDX-License-Identifier: Apache-2.0
# Acts 1 to 4: one server. play.sh sources this. What `run` runs is seen, the rest is not.

start_one() { # start_one DIR FLAG...: a server on n1, and waits until it is ready
  rm -f "$1.log" # of a former start, which was ready too
  run --apart "${on1}triplad --data-dir $1 --listen $n1 ${*:2} 2>$1.log &"
  await "$1.log" ready "$1.log"
}

stop_one() { # stop_one DIR
  run --reading 0 "kill \$(cat $1/lock)"
  await "kill" ended "$(cat "$1/lock")"
}

one_runs() { # unless an act before has started it
  [[ -z ${TRIPLA_ENDPOINTS:-} ]] || return 0
  start_one db --snapshot-interval 0
  run --reading 0 "export TRIPLA_ENDPOINTS=$n1 TRIPLA_TIMEOUT=30s"
}

act_1() {
  say one-server
  run --reading 2000 "grep -A 4 -e '^message Triple' -e '^// All keys' repo/proto/tripla/v1/tripla.proto"
  run --reading 2000 "grep -A 7 '^service KeyValue' repo/proto/tripla/v1/tripla.proto"
  one_runs
  say threads
  [[ $own_network == 0 ]] || run "${on1}ss -Hltn"
  run --reading 1500 'cat /proc/$(cat db/lock)/task/*/comm | sort | uniq -c'

  say set
  run 'tripla set 1 lala --timestamp 10'
  run --to 3 'tripla set 1 lolo --timestamp 11'
  say get
  run 'tripla get 1'
  run --to 3 'tripla get 2'
  run 'echo $?'
  say cas
  run 'tripla cas 1 lele --version 1 --timestamp 12'
  run --to 5 'tripla cas 1 lili --version 1 --timestamp 13'
  run --to 4 'tripla cas 2 lulu --version 1 --timestamp 14'
  say del-version
  run --to 4 'tripla del 2 --version 1'
  run --to 5 'tripla del 1 --version 1'
  run 'tripla del 1 --version 2'
  say del
  run --to 3 'tripla del 1'
  run 'tripla set 1 lala --timestamp 15'
  run 'tripla del 1'

  say keys
  run 'tripla set -123456789012345678901234567890 lala --timestamp -9223372036854775808'
  run 'tripla get -123456789012345678901234567890'
  run 'K=1$(printf %010000d 0)'
  run 'tripla set $K lala --timestamp 9223372036854775807'
  run 'tripla get $K -o table'
  say one-integer
  run 'tripla set 255 lala --timestamp 1'
  run --to 3 'tripla set 0xff lolo --timestamp 2'

  say data
  run "tripla set 3 '' --timestamp 3"
  run 'tripla get 3'
  run 'head -c 1M /dev/urandom >bytes'
  run 'tripla set 4 @bytes --timestamp 4'
  run 'tripla get 4 -o raw | cmp - bytes && echo =='
  run --to 2 'head -c 17M /dev/urandom | tripla set 5 -'

  say shell
  shell_session $'help\n' $'set 7 lala --timestamp 7\n' $'cas 7 lele --version 1 --timestamp 8\n' $'get 7\n' \
    $'del 7 --\t' $'v\t2\n' $'\e[A\n' $'del 7\n' $'\\q\n' # the keys Tab and up
}

# A session of the shell on a terminal of its own, typed key by key. What follows a key that makes the
# shell show its prompt is an argument of its own: a shell that starts late would show what came too
# early twice.
shell_session() {
  local keys i
  type_command tripla
  : >session
  for keys; do
    await "tripla" prompts "$((++prompt))"
    for ((i = 0; i < ${#keys}; ++i)); do
      [[ ${keys:i:1} != [$'\t\e'] ]] || rest 500
      printf '%s' "${keys:i:1}"
      rest 40
    done
    rest 800
    [[ $keys != help* ]] || rest 2500
  done | script --quiet --return --echo always --command tripla /dev/null | tee session | as_shown
  rest 1000
}

prompt=0
prompts() { [[ $(grep -ao '> ' session | wc -l) -ge $1 ]]; } # prompts COUNT: so many were printed

as_shown() { # what only a terminal understands is not for a document
  if $terminal; then
    cat
  else
    tr -d '\r' | sed -E 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/ +$//'
  fi
}

act_2() {
  one_runs
  say durable
  run 'tripla status | grep durability'
  run 'tripla set 10 lala --timestamp 10'
  run 'kill -9 $(cat db/lock)'
  await "kill -9" ended "$(cat db/lock)"
  start_one db --snapshot-interval 2s
  run --reading 1500 'grep "from the log" db.log'
  run 'tripla get 10'

  say period
  await "db/image" newest_image_holds 'lala'
  run 'tripla set 11 lalo --timestamp 11'
  await "db/image" newest_image_holds 'lalo'
  run 'ls db/image'
  run 'tripla cas 11 lelo --version 1 --timestamp 12'
  await "db/image" newest_image_holds 'lelo'
  run --reading 1500 'ls db/image'
  say from-image
  run 'kill -9 $(cat db/lock)'
  await "kill -9" ended "$(cat db/lock)"
  start_one db --snapshot-interval 0
  run --reading 1500 'grep "from the image" db.log'
  run 'tripla get 11'

  say damage
  stop_one db
  run 'cp -r db copy'
  run 'printf X | dd of=$(ls copy/log/0*.wal) bs=1 seek=632 conv=notrunc status=none'
  run --to 10 --reading 2500 'triplad --data-dir copy'
  run 'echo $?'

  say moment
  start_one moment --snapshot-interval 0
  run "tripla set 1000 lala --timestamp 1"
  run "tripla set 2000 lele --timestamp 2"
  run "tripla set 3000 lili --timestamp 3"
  say moment-filler
  run 'head -c 1M /dev/zero >filler'
  run 'for k in {1001..1030} {2001..2030}; do echo set $k @filler; done | tripla | tail -n 1'
  run "printf 'cas 1000 lolo --version 1 --timestamp 4\ncas 3000 lulu --version 1 --timestamp 5\n' >changes"
  say moment-begins
  run --at-once 'tripla snapshot &>snapshot &'
  until compgen -G 'moment/image/*.partial' >/dev/null; do sleep 0.002; done
  run --at-once 'tripla <changes; ls moment/image'
  rest 3000
  await "tripla snapshot" grep -q file snapshot
  say moment-ends
  run 'ls moment/image'
  run --reading 1500 "grep -ao 'l.l[a-z]' moment/image/*"
  run 'for k in 1000 2000 3000; do tripla get $k; done'
  stop_one moment
  say moment-verified
  run --reading 6000 'tripla-verify moment'
}

newest_image_holds() { # newest_image_holds TEXT; and the third newest is removed
  local images=(db/image/*.image)
  [[ ${#images[@]} -le 2 ]] && grep -aq "$1" "${images[-1]}"
}

act_3() {
  one_runs
  [[ -e db.log ]] && ended "$(cat db/lock)" && start_one db --snapshot-interval 1s
  run --at-once 'tripla-check api >api 2>&1 &'
  say check
  run --reading 7000 'wait $! && head -n 38 api'
  run --reading 7000 'tail -n +39 api'
  say stress
  run --reading 3500 'tripla-check stress --entries 1000 --claim R21.entries'
  say history
  run --reading 3000 'tripla-check history --duration 1s'
  four_at_once parallel
}

four_at_once() { # four_at_once CAPTION: what each of them says is behind its name
  run --at-once 'for t in api stress history history; do echo $t: $(tripla-check $t --duration 1s |& grep -o ".* hold") & done >four'
  say "$1"
  run --reading 2500 'wait; sort four'
  ! grep -qvE '^[a-z]+: ([0-9]+) of \1 claims hold$' four || stop_with not-all-hold
}

act_4() {
  one_runs
  say cut-bytes
  run --reading 5000 'tripla-check cut --duration 500ms | grep .'
  if [[ $own_network == 0 ]]; then
    say no-cut
    return
  fi
  say cut
  run --reading 0 "R='${on1}tripla -e $n1 status'"
  # Longer than the cut, however fast the machine is: it must be seen to go on.
  run --at-once 'tripla-check stress --timeout 60s --duration 26s >stress 2>&1 &'
  run --at-once '(echo get 10; sleep 3; echo set 12 lala) | tripla --timeout 5s >client 2>&1 &'
  await "tripla" test -s client
  read_two_revisions
  local cut_at=$SECONDS stood_at
  run --at-once 'ip link set n1 down'
  await "ip link set n1 down" stands_still
  read_revision
  say cut-now
  run --to 6 'tripla set 13 lala --timeout 1s'
  run 'echo $?'
  await "tripla" grep -q outcome client
  seconds_until $((cut_at + 10))
  stood_at=$(revision)
  read_revision
  run --at-once 'ip link set n1 up'
  await "tripla-check" goes_on "$stood_at"
  read_two_revisions
  say cut-over
  run --reading 3500 'wait; cat stress'
  say cut-client
  run 'cat client'
  say cut-outcome
  run --to 6 "tripla outcome $(sed -n 's/.*tripla outcome //p' client)"
  run --reading 2500 'tripla set 12 lala --timestamp 12'
}

# Asked on the machine of the server, which no cut is between.
read_revision() {
  run --at-once '$R | grep ^revision'
  rest 700
}
read_two_revisions() { # the second is beyond the first
  read_revision
  await "tripla-check" goes_on "$(revision)"
  read_revision
}
revision() { ${on1}tripla --endpoints "$n1" status | sed -n 's/^revision *//p'; }
stands_still() { [[ $(revision) == "$(sleep 0.3 && revision)" ]]; }
goes_on() { [[ $(revision) -gt $1 ]]; } # goes_on REVISION: it is beyond that
