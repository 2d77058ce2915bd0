# SPDX-License-Identifier: Apache-2.0
#
# For scenes of testsuite/handoff.at: bash, in a network namespace of its own.
set -u
ip link set lo up
PATH=$abs_top_builddir/handoff:$abs_top_builddir/handoff/tests:$PATH
port=7000

# agent: an agent that listens at home.sock and target.sock (handoff/tests/agent-try).
agent () {
    coproc AGENT { agent-try "$PWD/home.sock" "$PWD/target.sock" 2>&1; }
    exec 8>&"${AGENT[1]}" 9<&"${AGENT[0]}" # A pipeline has no others.
    hear
}

# order LINE: has the agent do it, and says its answer.
order () {
    echo "$*" >&8
    hear
}

hear () {
    local line
    read -r line <&9
    echo "$line"
}

# server: the instance at home; server_pid.
server () {
    HOLDFAST_HANDOFF=$PWD/home.sock counter $port 2>>server.log &
    server_pid=$!
}

# successor: the instance that takes over.
successor () {
    HOLDFAST_HANDOFF=$PWD/target.sock HOLDFAST_HANDOFF_SUCCESSOR=1 counter $port 2>>successor.log &
    successor_pid=$!
}

# until_true COMMAND...: at most 20 s.
until_true () {
    local end=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "not within its time: $*"; exit 1; }
        sleep 0.05
    done
}

# clients N: 8 N of them (testsuite/handoff-client.py), once each has had an answer.
clients () {
    until_true grep -q ":$(printf %04X $port) .* 0A " /proc/net/tcp6 # Listens.
    python3 "$abs_top_srcdir/testsuite/handoff-client.py" $port "$1" >clients.log 2>&1 &
    clients_pid=$!
    until_true grep -q running clients.log
}

# clients_end: has them end, and says how it was.
clients_end () {
    touch stop
    wait $clients_pid
    tail -n +2 clients.log
}
