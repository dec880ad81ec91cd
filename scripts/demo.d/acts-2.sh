# SPDX-License-Identifier: Apache-2.0
# Acts 5 to 8: three replicas, and the other tests. play.sh sources this.

start_all() {
  run --apart "for n in n1 n2 n3; do ${on_each}triplad --data-dir \$n --node \$n --snapshot-interval 0 2>\$n.log & done"
  await_all
}

await_all() { await "tripla status" all_agree; }

let_n1_lead() { # a busy machine may need more than one attempt
  await "tripla transfer n1" tripla --endpoints "$all" transfer n1
}

n1_leads() {
  let_n1_lead
  run 'tripla transfer n1'
}

all_agree() { # all are ready, at the same record, with the same hash, and in touch with each other
  local said
  # What a leader says of its followers comes last.
  said=$(tripla --endpoints "$all" -o json status | sed 's/"members":.*//'
    exit "${PIPESTATUS[0]}") &&
    [[ $(grep -oE '"(log_index|state_hash)":"[^"]*"' <<<"$said" | sort | uniq -c | grep -c '^ *3 ') == 2 ]] &&
    [[ $(tripla --endpoints "$all" status) != *'out of reach'* ]]
}

three_run() { # unless an act before has started them
  [[ ${TRIPLA_ENDPOINTS:-} != "$all" ]] || return 0
  [[ -z ${TRIPLA_ENDPOINTS:-} ]] || stop_one db
  run "M=n1=$n1/$r1,n2=$n2/$r2,n3=$n3/$r3"
  run 'for n in n1 n2 n3; do triplad init --data-dir $n --node $n --cluster $M; done'
  start_all
  run "export TRIPLA_ENDPOINTS=$all TRIPLA_TIMEOUT=30s"
  n1_leads
  await_all
}

architecture='
               tripla
                │  ▲
         ① gRPC │  ┊ ⑤
                ▼  ┊
  ┌─ n2 ───────────────┐    ┌─ n1 ───────────────┐    ┌─ n3 ───────────────┐
  │  gRPC              │    │  gRPC              │    │  gRPC              │
  │   ╎                │    │                    │    │                    │
  │   └╌╌╌╌╌╌╌ ② ╌╌╌╌╌╌┼╌╌╌╌┼╌╌╌╌┐               │    │                    │
  │                    │    │    ▼               │    │                    │
  │  Ratis ◀┈┈ ③ ┈┈┈┈┈┈┼┈┈┈┈┼┈ Ratis ┈┈ ③ ┈┈┈┈┈┈┈┼┈┈┈┈┼┈┈▶ Ratis           │
  │    │ ④             │    │    │ ④             │    │     │ ④            │
  │    ▼               │    │    ▼               │    │     ▼              │
  │  k: (v, ts, d)     │    │  k: (v, ts, d)     │    │   k: (v, ts, d)    │
  └────────────────────┘    └────────────────────┘    └────────────────────┘'

act_5() {
  say replicas
  drawing <<<"${architecture:1}"
  say replicas-steps
  three_run
  say any-server
  run "tripla -e $n2 set 1 lala --timestamp 1"
  run "tripla -e $n3 get 1"
  say one-wins
  run --reading 2500 "for n in $n1 $n2 $n3; do tripla -e \$n cas 1 \$n --version 1 --timestamp 2 & done |& sort"
  run --reading 1500 "for n in $n1 $n2 $n3; do tripla -e \$n get 1; done"
  say delivered
  run 'grep -l lala n?/log/*/current/log_inprogress*'
  await_all
  run "for n in $n1 $n2 $n3; do tripla -e \$n status | grep -e ^log_index -e ^state_hash; done"
  run 'tripla status'
  say only-ratis
  run "tripla -e $n1 snapshot | grep file"
  run --reading 3000 "find n1 -type f -printf '%n  %p\n' | sort -k 2"
  four_at_once same-tests
}

act_6() {
  three_run
  let_n1_lead
  say leader-killed
  run --at-once 'tripla-check stress --timeout 60s --duration 3s >stress 2>&1 &'
  await "tripla-check" grep -q seed stress
  sleep 0.5
  run --at-once 'kill -9 $(cat n1/lock)'
  run 'tripla set 5 lala --timestamp 5'
  run --to 6 --reading 2500 'tripla status'
  say stress-goes-on
  run --reading 3000 'wait; cat stress'
  say follower-back
  run --apart "${on1}triplad --data-dir n1 --node n1 2>>n1.log &"
  await_all
  run --reading 2500 'tripla status'

  say by-image
  n1_leads
  run 'kill -9 $(cat n3/lock)'
  run 'head -c 1M /dev/zero >filler'
  run 'for k in {1001..1060}; do echo set $k @filler; done | tripla | tail -n 1'
  say by-image-log
  run "for n in $n1 $n2; do tripla -e \$n snapshot; done | grep file"
  run 'tripla set 6 lele --timestamp 6'
  run "for n in $n1 $n2; do tripla -e \$n snapshot; done | grep file"
  say by-image-back
  run --apart "${on3}triplad --data-dir n3 --node n3 2>>n3.log &"
  await "n3.log" grep installed n3.log
  await_all
  run 'grep installed n3.log'
  run --reading 2500 'tripla status'
}

act_7() {
  three_run
  if [[ $own_network == 0 ]]; then
    say no-cut
    run 'tripla set 20 lala --timestamp 20'
  else
    partition
  fi
  say majority-lost
  run 'kill -9 $(cat n2/lock) $(cat n3/lock)'
  await "n1" no_leader 1
  run --to 6 'tripla set 22 lala --timeout 3s'
  run --to 6 'tripla get 20 --timeout 3s'
  say stale
  run 'tripla get 20 --consistency stale'
  run --to 6 'tripla status'
  say majority-back
  run --apart "for n in n2 n3; do ${on_each}triplad --data-dir \$n --node \$n 2>>\$n.log & done"
  await_all
  run 'tripla get 20'
  run 'tripla set 22 lala --timestamp 22'
  await_all
  run --reading 2500 'tripla status'
}

partition() {
  say partition
  n1_leads
  run 'tripla set 20 lala --timestamp 20'
  run --at-once 'ip link set n1 down'
  run 'tripla cas 20 lele --version 1 --timestamp 21'
  say minority
  await "n1" no_leader 1
  run --to 6 "${on1}tripla -e $n1 cas 20 lili --version 1 --timeout 3s"
  run --to 6 "${on1}tripla -e $n1 get 20 --timeout 3s"
  run "${on1}tripla -e $n1 get 20 --consistency stale"
  say joined
  run 'ip link set n1 up'
  await_all
  run "tripla -e $n1 get 20"
  run --reading 2500 'tripla status'
}

no_leader() { # no_leader N: it has noticed that there is none; asked on its own machine
  local at=n$1 on=on$1
  [[ $(${!on}tripla --endpoints "${!at}" --timeout 1s get 0 2>&1) == *'no leader is known'* ]]
}

act_8() {
  say other-tests
  run 'ctest -N | tail -n 1'
  run --reading 4000 'repo/scripts/demo.d/count-tests'
  say cases-faults
  say cases-others
  say cases-level
  say some-tests
  run --at-once "ctest -R '^(model|disk|batch|power_cut)_test$' >tests &"
  say operations-tests
  run --apart --reading 2500 "repo/build/tests/spec_test --gtest_filter='*Operations.R*/OneServer' | grep -e OK -e PASSED"
  run --reading 2500 'wait; grep -i passed tests'
  say all-tests
}
