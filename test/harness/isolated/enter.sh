#!/bin/sh
# Enters the cgroups given, then becomes the command: enter.sh FOLDER... -- COMMAND [ARGUMENT...]
set -eu
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs"
  shift
done
shift
exec "$@"
