# SPDX-License-Identifier: Apache-2.0
#
# Clients of service count, sourced by service-move.at after lab.sh.

# 32 connections, checksummed, in every direction at once, for as long as it moves.
clients_start () {
    rm -f stop
    on c1 sh -c "cd '$PWD' && exec python3 '$abs_top_srcdir/testsuite/handoff-client.py' 7000 4 10.0.0.50 fd00::50" >clients.log 2>&1 5>&- 7>&- &
    clients_pid=$!
    until_true 30 grep -q running clients.log
}
clients_end () {
    touch stop
    wait $clients_pid || { cat clients.log; return 1; }
}
# nothing_left HV NAME: no trace of the service there.
nothing_left () {
    on $1 sh -c '! ls /run/holdfast/service/$1 2>/dev/null && ! ovs-vsctl list-ports br0 | grep hfs &&
        ! ip -o link show type veth | grep hfs' left "$2"
}
