#!/bin/bash
# many.sh PROGRAM OPTION...: for each number that comes on standard input, what 2.2.7 and
# PROGRAM (with the OPTIONs) say under -t to the configuration in/NUMBER, into
# out/NUMBER.their and out/NUMBER.our; then the number. It runs in namespaces of its own.
hostname lab
for d in /run /tmp /etc/keepalived; do mkdir -p $d; mount -t tmpfs none $d; done
ip -batch - <<'END'
link set lo up
link add eth0 type veth peer name peer0
link add eth1 type veth peer name peer1
link add eth2 type veth peer name peer2
link set eth0 up
link set eth1 up
link set eth2 up
addr add 198.18.9.1/24 dev eth0
END
cd /etc/keepalived
say() { # who, program...
  local out=/mnt/out/$number.$1
  shift
  mkdir $out
  # The inner shell speaks of a crash, not this one.
  sh -c "timeout 10 $* >$out/test 2>&1; echo \$? >$out/status" 2>/dev/null
}
while read -r number; do
  cp -r /mnt/in/$number/. .
  say their keepalived -t -n -f /etc/keepalived/keepalived.conf
  say our "$@" -t -n -f /etc/keepalived/keepalived.conf
  rm -rf ./*
  echo $number
done
