#!/usr/bin/env bash
# Do sipload and sipp see the same server? Both do the same work against one itsp, in turn: keep-alives at 5,000/s, and
# calls at 100/s with both ends played. Prints how many were answered, and the median time from request to answer: on the
# wire, as a capture of the loopback has it, and as either's own stop-watch has it. sipp's ticks in milliseconds, on some
# kernels four of them at a time, so the capture is what both are held against.
#
# The server runs on core 0, whoever measures on core 1. Needs sipp and tshark, and to be root for the capture.
#
#   examples/sipload/bench/agreement.sh [ROUNDS]      default 3
set -euo pipefail
cd "$(dirname "$0")/../../.."

rounds=${1:-3}
keep_alives=50000 keep_alives_per_second=5000
calls=1000 calls_per_second=100
scenarios=$PWD/examples/itsp/tests/phones/scenarios
caller_port=15071 callee_port=15072

cargo build --quiet --release -p itsp -p sipload
target=$PWD/${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
export RUN=$folder/server USERS=1000 ITSP=$target/itsp DOMAIN=example.test SIP_PORT=15060 SERVER_CORE=0
server=127.0.0.1:$SIP_PORT
mkdir "$RUN"
finish() {
  examples/sipload/servers/itsp/stop || true
  wait
  rm -rf "$folder"
}
trap finish EXIT
examples/sipload/servers/itsp/start >/dev/null 2>&1

awk 'BEGIN { print "SEQUENTIAL"; for (i = 0; i < 999; i++) printf "user%06d;[authentication username=user%06d password=pw%06d];user000999;\n", i, i, i }' >"$folder/callers"
awk 'BEGIN { print "SEQUENTIAL"; print "user000999;[authentication username=user000999 password=pw000999];user000999;" }' >"$folder/callee"

# The scenarios of the server's tests, with a stop-watch.
sed -e '0,/<send retrans="500">/s//<send retrans="500" start_rtd="asked">/' -e 's/<recv response="200"/& rtd="asked"/' \
  "$scenarios/keep_alive.xml" >"$folder/keep_alive.xml"
sed -e '0,/<send retrans="500">/s//<send retrans="500" start_rtd="asked">/' -e 's/<recv response="200" rrs/<recv response="200" rtd="asked" rrs/' \
  "$scenarios/call.xml" >"$folder/call.xml"
cp "$scenarios"/{register,answer}.xml "$folder"

# play NAME USERS PORT COUNT RATE URI: sipp's part, in a folder of its own.
play() {
  local name=$1 users=$2 port=$3 count=$4 rate=$5 uri=$6
  rm -rf "$folder/$name" && mkdir "$folder/$name"
  (
    cd "$folder/$name"
    TERM=vt100 taskset -c 1 sipp "$server" -sf "../$name.xml" -inf "$users" -auth_uri "$uri" -t u1 -i 127.0.0.1 \
      -bind_local -p "$port" -m "$count" -r "$rate" -l 100000 -buff_size 1000000 -d 0 -timeout 120s -timeout_error \
      -nostdin -skip_rlimit -trace_rtt -rtt_freq 1 -trace_stat -stf stat.csv >screen 2>&1
  ) || { echo "sipp failed at $name" >&2; tail -n 5 "$folder/$name/screen" >&2; exit 1; }
}

# median COLUMN-OF-NUMBERS: how many there are, and the middle one.
median() { sort -n | awk '{ at[NR] = $1 } END { printf "%d %.0f\n", NR, at[int((NR + 1) / 2)] }'; }

# of sipp's records
sipp_says() { awk -F';' 'FNR > 1 { print $2 * 1000 }' "$folder/$1"/*_rtt.csv | median; }

# of the record of sipload
sipload_says() {
  python3 -c 'import json, sys
kind = json.load(open(sys.argv[1]))["kinds"][sys.argv[2]]
print(kind["counts"]["succeeded"], kind["latency"]["p50"])' "$folder/$1.json" "$1"
}

load() {
  local name=$1
  taskset -c 1 "$target/sipload" "$@" "$server" --domain "$DOMAIN" --user user%06d --password pw%06d --cpus 1 \
    --json "$folder/$name.json" >/dev/null
}

capture() {
  dumpcap -q -i lo -f "udp port $SIP_PORT" -B 64 -w "$folder/wire.pcapng" >/dev/null 2>&1 &
  capture=$!
  sleep 1
}

# wire_says METHOD: of each transaction it begins, from the first request on its way to the server until the server's
# first 200 to it. Datagrams that were handed to the kernel together are captured together (UDP_SEGMENT).
wire_says() {
  sleep 1
  kill -INT "$capture"
  wait "$capture" || true
  tshark -r "$folder/wire.pcapng" -T fields -e frame.time_epoch -e udp.dstport -e udp.payload 2>/dev/null |
    python3 -c 'import re, sys
method, port = sys.argv[1].encode(), sys.argv[2]
asked, answered = {}, set()
for frame in sys.stdin:
    time, to, payload = frame.rstrip("\n").split("\t")
    for text in re.split(rb"(?=SIP/2\.0 \d{3} |%b sip:)" % method, bytes.fromhex(payload)):
        cseq = re.search(rb"(?mi)^CSeq:\s*(\d+) (\w+)", text)
        if not cseq or cseq[2] != method:
            continue
        call = re.search(rb"(?mi)^(?:Call-ID|i):\s*(\S+)", text)[1]
        if method != b"INVITE":
            call += cseq[1]
        if text.startswith(method) and to == port:
            asked.setdefault(call, float(time))
        elif text.startswith(b"SIP/2.0 200") and to != port and call in asked and call not in answered:
            answered.add(call)
            print((float(time) - asked[call]) * 1e6)' "$1" "$SIP_PORT" | median
}

# report WORK WHO COUNT OWN-MEDIAN COUNT-ON-THE-WIRE MEDIAN-ON-THE-WIRE
report() { printf '%-20s %-8s %6d answered, median %5d µs   wire: %6d answered, median %5d µs\n' "$@"; }

for _ in $(seq "$rounds"); do
  capture
  play keep_alive "$folder/callers" "$caller_port" "$keep_alives" "$keep_alives_per_second" "$DOMAIN"
  report "keep-alives, $keep_alives_per_second/s" sipp $(sipp_says keep_alive) $(wire_says NOTIFY)
  capture
  load keepalive --rate "$keep_alives_per_second" --count "$keep_alives" --for 60s
  report "keep-alives, $keep_alives_per_second/s" sipload $(sipload_says keepalive) $(wire_says NOTIFY)

  play register "$folder/callee" "$callee_port" 1 10 "$DOMAIN"
  play answer "$folder/callee" "$callee_port" "$calls" 10 "$DOMAIN" &
  callee=$!
  capture
  play call "$folder/callers" "$caller_port" "$calls" "$calls_per_second" "user000999@$DOMAIN"
  wait "$callee"
  report "calls, $calls_per_second/s" sipp $(sipp_says call) $(wire_says INVITE)
  capture
  load call --ring 0s --phones 900 --rate "$calls_per_second" --count "$calls" --for 60s
  report "calls, $calls_per_second/s" sipload $(sipload_says call) $(wire_says INVITE)
done
