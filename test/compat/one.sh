#!/bin/bash
# one.sh NUMBER WHO WHAT PROGRAM OPTION...: if WHAT has a t, what PROGRAM says to the
# configuration in/NUMBER (-t with the OPTIONs), and if it has an r, whether it runs with
# it, and its dumps (with a j the one in JSON, too), into out/NUMBER.WHO. It runs in namespaces of its own, of which it is
# the first process, so that nothing outlives it.
number=$1 who=$2 what=$3 program=$4
shift 4
out=/mnt/out/$number.$who
export TMPDIR=/tmp
mkdir -p $out

hostname lab
for d in /run /tmp /etc/keepalived; do mkdir -p $d; mount -t tmpfs none $d; done
cp -r /mnt/in/$number/. /etc/keepalived
cd /etc/keepalived
[ ! -d iproute2 ] || mount --bind iproute2 /etc/iproute2
# Addresses are there at once.
for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; done
ip -batch - <<'END'
link set lo up
link add eth0 address 02:00:00:00:00:10 type veth peer name peer0 address 02:00:00:00:00:20
link add eth1 address 02:00:00:00:00:11 type veth peer name peer1 address 02:00:00:00:00:21
link add eth2 address 02:00:00:00:00:12 type veth peer name peer2 address 02:00:00:00:00:22
link set eth0 up
link set eth1 up
link set eth2 up
link set peer0 up
link set peer1 up
link set peer2 up
addr add 198.18.9.1/24 dev eth0
END

echo 0 >$out/status
# The inner shell speaks of a crash, not this one.
[[ $what != *t* ]] || sh -c "timeout 20 $program -t -n -f /etc/keepalived/keepalived.conf $* >$out/test 2>&1; echo \$? >$out/status" 2>/dev/null

[[ $what == *r* ]] || exit 0

$program -n -l -D -f /etc/keepalived/keepalived.conf >$out/log 2>&1 &
pid=$!
alive() { kill -0 $pid 2>/dev/null; }

# Until it runs, ends, or is as idle as without any work. A checker or VRRP process
# that has come up says so; the parent alone says nothing.
for ((i = 0; i < 100; i++)); do
  alive || break
  if grep -q 'Startup complete' $out/log; then break; fi
  if ((i > 30)) && ! grep -q 'Starting .* child process' $out/log; then break; fi
  sleep 0.05
done
sleep 0.2
if ! alive; then
  wait $pid
  echo $? >$out/ended
  exit 0
fi

kill -USR1 $pid
# All dumps are there when their sizes stay the same; each process writes one.
want=1
for p in $(cat /proc/$pid/task/$pid/children); do want=$((want + 1)); done
last=
for ((i = 0; i < 60; i++)); do
  sleep 0.05
  sizes=$(stat -c '%n %s' /tmp/*.data 2>/dev/null)
  if [ "$sizes" = "$last" ] && (($(grep -c . <<<"$sizes") >= want)) && ! grep -q ' 0$' <<<"$sizes"; then break; fi
  last=$sizes
done
if [[ $what == *j* ]]; then
  kill -"$($program --signum=JSON)" $pid
  for ((i = 0; i < 60; i++)); do
    sleep 0.05
    if [ -s /tmp/keepalived.json ]; then sleep 0.1; break; fi
  done
  cp /tmp/keepalived.json $out/
fi
cp /tmp/*.data $out/ 2>/dev/null
alive || { wait $pid; echo $? >$out/ended; }
exit 0
