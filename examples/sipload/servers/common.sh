# What the scripts beside this file share. sipload sets RUN, USERS, USER_PATTERN and PASSWORD_PATTERN.
: "${RUN:?is the folder to write into; sipload sets it}"
: "${USERS:=1000}" "${USER_PATTERN:=user%06d}" "${PASSWORD_PATTERN:=pw%06d}"
: "${DOMAIN:=sipload.test}"

fail() {
    echo "$*" >&2
    exit 1
}

# need PROGRAM PACKAGE...: the remedy when a program is missing.
need() {
    command -v "$1" >/dev/null || fail "$1 is missing; install it with: apt-get install $2"
}

# one "user,password" line for each user
users() {
    seq 0 $((USERS - 1)) | awk -v user="$USER_PATTERN" -v password="$PASSWORD_PATTERN" '
        function expand(pattern, n) { return pattern ~ /%/ ? sprintf(pattern, n) : pattern }
        { print expand(user, $1) "," expand(password, $1) }'
}

# pinned CORE COMMAND...: on one core, or on any when CORE is empty.
pinned() {
    core=$1
    shift
    if [ -n "$core" ]; then exec taskset -c "$core" "$@"; else exec "$@"; fi
}

# until_true PID COMMAND...: waits until COMMAND succeeds, as long as PID runs; sipload bounds the time.
until_true() {
    watched=$1
    shift
    while ! "$@" >/dev/null 2>&1; do
        kill -0 "$watched" 2>/dev/null || return 1
        sleep 0.1
    done
}

# listening PORT: somebody receives UDP there.
listening() {
    grep -qi ":$(printf %04X "$1") 00000000:0000 07" /proc/net/udp
}

# end FILE: ends the process whose number is in FILE, and waits until it is gone.
end() {
    [ -f "$1" ] || return 0
    pid=$(cat "$1")
    rm -f "$1"
    kill -TERM "$pid" 2>/dev/null || return 0
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { kill -KILL "$pid" 2>/dev/null || return 0; }
        sleep 0.1
    done
}
