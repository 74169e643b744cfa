#!/bin/sh
# First process of an isolated test's namespaces: makes a machine of its own out of them, then runs the command given.
# It stays, as the parent that every orphan gets, and reaps; when it ends, whatever still runs in here ends with it.
set -eu

# mountinfo: id parent device root point options [field...] - type source super-options
hierarchies=$(
  while read -r _ _ _ _ point rest; do
    read -r type _ options <<END
${rest#* - }
END
    case $type in cgroup | cgroup2) echo "$type $options $point" ;; esac
  done </proc/self/mountinfo
)

mount -t proc proc /proc
umount --recursive --lazy /sys
mount -t sysfs sysfs /sys
# Version 1, or both together: a folder of hierarchies. Version 2 alone: the hierarchy itself.
case $hierarchies in
  *' /sys/fs/cgroup') ;;
  *) mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup ;;
esac
echo "$hierarchies" | while read -r type options point; do
  mkdir -p "$point"
  mount -t "$type" -o "$options" "$type" "$point"
  # Version 2 lets only a group without processes of its own share out its controllers.
  [ "$type" = cgroup ] || { mkdir "$point/init" && echo $$ >"$point/init/cgroup.procs"; }
done

for masked in /run /var/lib/cni; do
  mkdir -p "$masked"
  mount -t tmpfs -o mode=755 tmpfs "$masked"
done

ip link set lo up

"$@" # not exec: see above
exit $?
