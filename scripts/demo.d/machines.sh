# SPDX-License-Identifier: Apache-2.0
# The machines of the play: n1, n2 and n3, each with a cable to one switch, and the clients' machine,
# where the play itself is. play.sh sources this.
#
# n1, n2, n3 are where their servers serve clients; r1, r2, r3 where they hear from each other; on1,
# on2, on3 the words that make a command run there, and on_each on $n. Without a network of its own all is on 127.0.0.1.

make_machines() {
  local n offset
  if [[ $own_network == 0 ]]; then
    for n in 1 2 3; do
      offset=$((n - 1))
      eval "n$n=127.0.0.1:$((port + offset)) r$n=127.0.0.1:$((port + offset + 100)) on$n="
    done
    on_each=
  else
    make_network >network.log 2>&1
    [[ ! -s network.log ]] || stop "$(cat network.log)" # ip says nothing unless something failed
    for n in 1 2 3; do eval "n$n=n$n:7420 r$n=n$n:7520 on$n='ip netns exec n$n '"; done
    on_each='ip netns exec $n '
  fi
  all=$n1,$n2,$n3
}

make_network() {
  mount -t tmpfs tmpfs /run # where ip keeps the names of machines
  printf '127.0.0.1 localhost\n10.74.20.1 n1\n10.74.20.2 n2\n10.74.20.3 n3\n' >hosts
  mount --bind hosts /etc/hosts
  # What a client that has ended had sent does not arrive when the network is there again, so act 4
  # always ends alike.
  { echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries; } 2>/dev/null
  ip link set lo up
  ip link add switch type bridge
  ip address add 10.74.20.100/24 dev switch
  ip link set switch up
  local n
  for n in 1 2 3; do
    ip netns add "n$n"
    ip link add "n$n" type veth peer name eth0 netns "n$n"
    ip link set "n$n" master switch up
    ip netns exec "n$n" ip link set lo up
    ip netns exec "n$n" ip address add "10.74.20.$n/24" dev eth0
    ip netns exec "n$n" ip link set eth0 up
  done
}

ready() { grep -q 'ready on' "$1"; } # ready MESSAGES

await_server() { # await_server MESSAGES: ready, as its last start says
  await "$1" ready "$1"
}

ended() { ! kill -0 "$1" 2>/dev/null; } # ended PID
