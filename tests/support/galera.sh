#!/usr/bin/env bash
# tests/support/galera.sh: a Galera cluster of two nodes, for a test.
#
#   tests/support/galera.sh FOLDER PORT
#
# FOLDER is empty and short (a socket's path has 107 bytes). Each node has its data and its socket in FOLDER/1 and FOLDER/2; they
# speak to each other on this machine alone, on ports from PORT on. FOLDER/ready comes when both are in step. It ends, with them, when
# its input does.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
folder=$1 port=$2 user=() servers=()
provider=/usr/lib/galera/libgalera_smm.so
[ -e "$provider" ] || { echo "galera-4 must be installed" >&2; exit 1; }
# As root a node cannot take over another's data: rsync steps down.
[ "$(id -u)" -ne 0 ] || user=(--user=mysql)
cd "$folder"
exec >log 2>&1

# node NUMBER ARGUMENT...: starts one.
node() {
  local number=$1 base=$((port + 10 * $1))
  shift
  mkdir -m 755 "$number"
  [ ${#user[@]} -eq 0 ] || chown mysql "$number" .
  mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \
    --innodb-log-file-size=8M --datadir="$folder/$number/data" "${user[@]}"
  mariadbd --no-defaults --datadir="$folder/$number/data" --socket="$folder/$number/socket" --pid-file="$folder/$number/pid" \
    --bind-address=127.0.0.1 --port="$base" --binlog-format=ROW --innodb-autoinc-lock-mode=2 --innodb-log-file-size=8M \
    --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 --performance-schema=0 --wsrep-on=ON \
    --wsrep-provider="$provider" --wsrep-cluster-name="librisfs$port" --wsrep-slave-threads=2 \
    --wsrep-cluster-address="gcomm://127.0.0.1:$((port + 11)),127.0.0.1:$((port + 21))" \
    --wsrep-node-address="127.0.0.1:$((base + 1))" --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$((base + 3))" \
    --wsrep-provider-options="gmcast.listen_addr=tcp://127.0.0.1:$((base + 1));ist.recv_addr=127.0.0.1:$((base + 2));gcache.size=16M" \
    "${user[@]}" "$@" </dev/null &
  servers+=($!)
  until [ "$(state "$number")" = Synced ]; do
    kill -0 "${servers[-1]}"
    sleep 0.1
  done
}

# state NUMBER: how a node stands.
state() {
  mariadb --no-defaults --socket="$folder/$1/socket" --user=root --batch --skip-column-names \
    --execute="SHOW STATUS LIKE 'wsrep_local_state_comment'" 2>/dev/null | cut -f2
}

# end: stops both, the later one first.
end() {
  local at
  for ((at = ${#servers[@]} - 1; at >= 0; at--)); do
    kill "${servers[at]}" 2>/dev/null || true
    wait "${servers[at]}" || true
  done
}

trap end EXIT
node 1 --wsrep-new-cluster
node 2
touch ready
cat >/dev/null
