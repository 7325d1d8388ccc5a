# shellcheck shell=bash
# What is done with a display that nobody sees. Sourced, and a part of the tests in tests/clients.

# settle: waits until the screen has stopped changing.
settle() {
  local before='' now='' tries
  for tries in {1..60}; do
    now=$(import -window root rgb:- | cksum)
    [ "$now" != "$before" ] || [ "$tries" -lt 3 ] || return 0
    before=$now
    sleep 0.2
  done
}
