#!/usr/bin/env bash
# tests/support/mariadb.sh: a MariaDB server of the tests' own.
#
#   tests/support/mariadb.sh FOLDER
#
# FOLDER is there. The server's data are in FOLDER/data and its socket is FOLDER/socket; it listens to nothing else. FOLDER/ready
# comes when it answers. Everyone who uses it holds the file FOLDER/users locked (flock, shared), which ends with them in any
# case; when nobody has for some seconds, or the folder goes, the server ends and its data are removed. FOLDER/gate is locked by
# who starts it, and here by who ends it. FOLDER/template is an empty data folder, to be copied.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
folder=$1 user=()
[ "$(id -u)" -ne 0 ] || user=(--user=root)
cd "$folder"
exec >log 2>&1 </dev/null

# end: stops the server, and leaves nothing but the locks and the log.
end() {
  rm -f ready
  kill "$server" 2>/dev/null || true
  wait "$server" || true
  rm -rf data template socket pid
}

if [ ! -d template ]; then
  rm -rf unfinished
  mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \
    --innodb-log-file-size=8M --datadir="$folder/unfinished" "${user[@]}"
  mv unfinished template
fi
rm -rf data
cp -r template data
# What is lost in a power cut is nobody's.
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --pid-file="$folder/pid" --skip-networking \
  --skip-log-bin --innodb-log-file-size=8M --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=0 \
  --innodb-flush-method=nosync --innodb-doublewrite=0 --performance-schema=0 --max-connections=500 "${user[@]}" &
server=$!
trap end EXIT
until mariadb-admin --no-defaults --socket="$folder/socket" --user=root ping; do
  kill -0 "$server"
  sleep 0.05
done
touch ready

idle=0
while [ "$idle" -lt 3 ]; do
  sleep 1
  [ -d "$folder" ] && kill -0 "$server" || exit
  # Whoever comes waits at the gate until this has ended.
  exec 8>gate 9>users
  if flock --exclusive --nonblock 8 && flock --exclusive --nonblock 9; then
    idle=$((idle + 1))
  else
    idle=0
  fi
  [ "$idle" -ge 3 ] || exec 8>&- 9>&-
done
