#!/usr/bin/env bash
# What one operation costs the server, and what one registered contact holds.
#
# The server runs on core 0, the load on core 1. CPU is the user and system time of the server process, all its threads,
# from /proc. Only the keep-alives keep the server busy all the time; sipp does not, so the other figures hold the cost of
# waking up for single packets as well, which on a virtual machine is most of them. Compare runs of one machine and day.
#
#   examples/itsp/bench/baseline.sh [CONTACTS]      default 100000
set -euo pipefail
cd "$(dirname "$0")/../../.."

contacts=${1:-100000}
keep_alives=500000
refreshes=20000 refreshes_per_second=4000
calls=10000 calls_per_second=500
domain=example.test
server=127.0.0.1:15060 caller_port=15071 callee_port=15072

cargo build --quiet --release -p itsp --bins --examples
target=${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
pids=()
finish() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$folder"
}
trap finish EXIT

itsp() { "$target/itsp" --data "$folder/data" "$@"; }

itsp domain add "$domain" >/dev/null
{ seq -f 'user%07.0f,secret' 0 $((contacts - 1)); echo callee,secret; } >"$folder/users"
itsp user import "$folder/users" >/dev/null
awk -F, 'BEGIN { print "SEQUENTIAL" } { printf "%s;[authentication username=%s password=%s];callee;\n", $1, $1, $2 }' \
  "$folder/users" >"$folder/everybody"
grep -v '^callee' "$folder/everybody" >"$folder/callers"
grep -v '^user' "$folder/everybody" >"$folder/callee"

taskset -c 0 "$target/itsp" --data "$folder/data" --no-demo --workers 1 --listen "$server" >"$folder/said" 2>&1 &
pid=$!
pids+=("$pid")
for _ in $(seq 200); do
  grep -q 'listening on tcp' "$folder/said" && break
  sleep 0.05
done
grep -q 'listening on tcp' "$folder/said" || { cat "$folder/said" >&2; exit 1; }

# play SCENARIO USERS PORT COUNT RATE URI: one side of the load, by the scenarios of the tests.
play() {
  local scenario=$1 users=$2 port=$3 count=$4 rate=$5 uri=$6
  mkdir -p "$folder/$scenario-$port"
  (
    here=$PWD
    cd "$folder/$scenario-$port"
    TERM=vt100 taskset -c 1 sipp "$server" -sf "$here/examples/itsp/tests/phones/scenarios/$scenario.xml" \
      -inf "$users" -auth_uri "$uri" -t u1 -i 127.0.0.1 -bind_local -p "$port" -m "$count" -r "$rate" -l 100000 \
      -buff_size 1000000 -d 0 -timeout 600s -timeout_error -nostdin -skip_rlimit -trace_err -error_file errors >screen 2>&1
  ) || { echo "sipp $scenario failed" >&2; head -n 20 "$folder/$scenario-$port/errors" >&2; exit 1; }
}

ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
memory() { awk '/^Rss:/ { rss = $2 } /^Pss:/ { pss = $2 } END { print rss, pss }' "/proc/$pid/smaps_rollup"; }

# report NAME COUNT TICKS
report() { awk -v name="$1" -v n="$2" -v t="$3" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%-44s %10d  %8.1f µs CPU each\n", name, n, t * 1e6 / hz / n }'; }

read -r rss pss < <(memory)

play register "$folder/callers" "$caller_port" "$contacts" "$refreshes_per_second" "$domain"
read -r rss_full pss_full < <(memory)

before=$(ticks)
answers=$(taskset -c 1 "$target/examples/keep_alives" "$server" "$keep_alives")
report 'keep-alive, saturated' "$answers" $(($(ticks) - before))

before=$(ticks)
play register "$folder/callers" "$caller_port" "$refreshes" "$refreshes_per_second" "$domain"
report "REGISTER refresh, both requests, $refreshes_per_second/s" "$refreshes" $(($(ticks) - before))

play register "$folder/callee" "$callee_port" 1 10 "$domain"
play answer "$folder/callee" "$callee_port" "$calls" 10 "$domain" &
callee=$!
pids+=("$callee")
sleep 1
before=$(ticks)
play call "$folder/callers" "$caller_port" "$calls" "$calls_per_second" "callee@$domain"
wait "$callee"
report "call, 407 to the 200 for BYE, $calls_per_second/s" "$calls" $(($(ticks) - before))

printf '%-44s %10d  RSS %d kB (was %d), PSS %d kB (was %d), %d bytes a contact\n' 'registered contacts' "$contacts" \
  "$rss_full" "$rss" "$pss_full" "$pss" $(((pss_full - pss) * 1024 / contacts))
kill -TERM "$pid"
wait "$pid"
pids=()
