#!/bin/sh
# Keeps one command running: starts it again whenever it ends other than by `proa down`, in good order too: whoever tells it to
# end by hand (kill PID) means that process, not the cluster.
# A process of its own, and this small, so that nothing it could share with the command can bring it down too. Should it be
# killed all the same, the command is told to end: nothing runs unkept.
#
#   keeper.sh ENDED COMMAND [ARG ...]      ENDED: file that gets the status of each run that ended by itself
set -u

ended=$1
shift
mkdir -p "$(dirname "$ended")" # gone after a reboot

stopping=
child=
told=
pass_on() { # once, whether the child was there first or the signal
  if [ -n "$stopping" ] && [ -n "$child" ] && [ -z "$told" ]; then
    told=1
    # Until it is another program it is a copy of this shell, which would forget the signal.
    while read -r name <"/proc/$child/comm" && [ "$name" = keeper.sh ]; do sleep 0.01; done 2>/dev/null
    kill -TERM "$child" 2>/dev/null
  fi
}
trap 'stopping=1; pass_on' TERM INT

# Where standard error is systemd's journal, an administrator looks there first.
tell() {
  echo "$1"
  [ -z "${JOURNAL_STREAM:-}" ] || echo "$1" >&2
}

pause=0 # seconds; grows while the command keeps dying young, so that a broken machine is not kept busy
while [ -z "$stopping" ]; do
  started=$(date +%s)
  setpriv --pdeathsig TERM "$@" </dev/null 2>&1 &
  child=$!
  pass_on # what came before the line above
  # A trapped signal ends `wait` early: wait again until the child is really gone.
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=
  [ -n "$stopping" ] && exit 0
  if [ $(($(date +%s) - started)) -ge 10 ]; then pause=0; else pause=$((pause < 8 ? pause * 2 + (pause == 0 && code < 128) : 8)); fi
  tell "proa: the cluster process ended with $code; starting it again"
  echo "$code" >"$ended.new" && mv "$ended.new" "$ended"
  if [ "$pause" -gt 0 ]; then
    sleep "$pause" & # in the background, so that `proa down` need not wait for it
    wait $!
    kill $! 2>/dev/null
  fi
done
