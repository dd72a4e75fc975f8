#!/bin/busybox sh
# PID 1 of the User-Mode Linux kernel. The variables dir, modules and program, and the
# function run, come from the file "job" beside this one.
#
# busybox takes its own commands before those of PATH, and runs them through /proc/self/exe:
# until /proc is mounted that one is the machine's, linux.uml itself.
/bin/busybox mount -t proc proc /proc
. "${0%/*}/job"

export PATH=/run/uml/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/uml/bin /run/uml/lib/modules /run/tmp /run/lock /dev/pts /dev/shm
chmod 1777 /run/tmp
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm

# Modules: the machine's /lib/modules has none for this kernel, or does not exist.
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/uml/lib/modules/
printf '#!/bin/busybox sh\nexec /sbin/modprobe -d /run/uml "$@"\n' >/run/uml/bin/modprobe
chmod 755 /run/uml/bin/modprobe
echo /run/uml/bin/modprobe >/proc/sys/kernel/modprobe
/run/uml/bin/modprobe -a $modules

ip link set lo up 2>&1
# The program's output has a line of its own, apart from the kernel's console.
stty -F /dev/ttyS0 raw
run </dev/null >/dev/ttyS0 2>&1
echo $? >"$dir/status.part"
mv "$dir/status.part" "$dir/status"
sync
/bin/busybox poweroff -f
