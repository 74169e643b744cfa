#!/bin/sh
# Keeps one command running: starts it again whenever it ends other than by its own wish (exit 0) or by `proa down`.
# A process of its own, and this small, so that nothing it could share with the command can bring it down too.
#
#   keeper.sh COMMAND [ARG ...]
set -u

stopping=
child=
stop() {
  stopping=1
  [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT

pause=0 # seconds; grows while the command keeps dying young, so that a broken machine is not kept busy
while [ -z "$stopping" ]; do
  started=$(date +%s)
  "$@" </dev/null &
  child=$!
  # A trapped signal ends `wait` early: wait again until the child is really gone.
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=
  [ "$code" -eq 0 ] && exit 0
  [ -n "$stopping" ] && exit 0
  if [ $(($(date +%s) - started)) -ge 10 ]; then pause=0; else pause=$((pause < 8 ? pause * 2 + (pause == 0 && code < 128) : 8)); fi
  echo "proa: the cluster process ended with $code; starting it again" >&2
  if [ "$pause" -gt 0 ]; then
    sleep "$pause" & # in the background, so that `proa down` need not wait for it
    wait $!
  fi
done
