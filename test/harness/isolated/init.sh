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

mount -t tmpfs -o mode=755 tmpfs /run

# The machine's own files can be read and not changed: writes to /etc and /var go to the test's folder, others fail. A bind
# mount of any of them made later is read-only too.
own=$1 cache=$2
shift 2
for part in etc var; do
  mkdir -p "$own/$part/upper" "$own/$part/work"
  mount -t overlay -o "lowerdir=/$part,upperdir=$own/$part/upper,workdir=$own/$part/work" overlay "/$part"
done
mount --bind "$own" "$own"
mount --bind "$cache" "$cache"
writable="/etc /var $own $cache"
while read -r _ _ _ _ point _; do
  case " $writable " in *" $point "*) continue ;; esac
  case $point in /proc* | /sys* | /run* | /dev*) continue ;; esac
  mount -o remount,bind,ro "$point"
done <<END
$(cat /proc/self/mountinfo)
END

ip link set lo up

"$@" # not exec: see above
exit $?
