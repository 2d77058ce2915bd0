# SPDX-License-Identifier: Apache-2.0
#
# Switches, hops, servers and clients in namespaces, without guests: the world of switch.at.
#
# Sourced by a test.  Every place is a set of namespaces whose first process dies with the
# test's shell, however that ends, and takes all inside with it.  Functions that start a place
# are called from the test's own shell, not inside AT_CHECK.

# The bridges' datapath: netdev, or system, the kernel's (lab/kernel-check).
: "${HOLDFAST_DATAPATH:=netdev}"

# space NAME: an empty place.  Its number is in NAME/pid, its files are in NAME/.
space () {
    mkdir -p "$1" && rm -f "$1/ready" || return 1
    setpriv --pdeathsig KILL unshare --net --mount --uts --ipc --pid --fork --kill-child \
        --mount-proc --propagation private \
        /bin/sh -e "$abs_top_srcdir/lab/labkit/plain-init.sh" "$1" "$PWD/$1" \
        </dev/null >"$1/init.log" 2>&1 5>&- 7>&- &
    space_outer=$!
    echo $space_outer >"$1/outer"
    until_true 60 test -e "$1/ready" || return 1
    read -r space_pid space_rest <"/proc/$space_outer/task/$space_outer/children"
    echo "$space_pid" >"$1/pid"
    inside "$1" mount -t tmpfs tmpfs /run
}

# inside NAME COMMAND...: runs it there.
inside () {
    inside_pid=$(cat "$1/pid") || return 1
    shift
    nsenter -t "$inside_pid" -m -n -u -i -p -- "$@"
}

# until_true SECONDS COMMAND...: waits until it succeeds.
until_true () {
    until_end=$(( $(date +%s) + $1 ))
    shift
    until "$@" >/dev/null 2>&1; do
        test "$(date +%s)" -lt "$until_end" || { echo "not within its time: $*" >&2; return 1; }
        sleep 0.05
    done
}

# hypervisor NAME [NUMBER]: a place with ovsdb-server, our switch and br0.
hypervisor () {
    space "$1" && inside "$1" mkdir -p /run/openvswitch || return 1
    echo "${2:-1}" >"$1/number"
    ovsdb-tool create "$1/conf.db" "$OVS_SOURCE/vswitchd/vswitch.ovsschema" || return 1
    database_start "$1" && inside "$1" ovs-vsctl --no-wait init && switch_start "$1" &&
    inside "$1" ovs-vsctl --timeout=20 add-br br0 -- \
        set Bridge br0 datapath_type="$HOLDFAST_DATAPATH" &&
    inside "$1" ovs-appctl dpif/show | grep -q "^$HOLDFAST_DATAPATH@"
}

database_start () {
    inside "$1" ovsdb-server "$PWD/$1/conf.db" --remote=punix:/run/openvswitch/db.sock \
        --pidfile=/run/openvswitch/ovsdb-server.pid \
        --unixctl=/run/openvswitch/ovsdb-server.ctl \
        --detach --no-chdir --log-file="$PWD/$1/ovsdb.log" -vconsole:off 5>&- 7>&-
}

# switch_start NAME [OPTION...]: our ovs-vswitchd, with the store NAME/holdfast.db.
switch_start () {
    switch_name=$1
    shift
    inside "$switch_name" env HOLDFAST_DB="$PWD/$switch_name/holdfast.db" ovs-vswitchd \
        unix:/run/openvswitch/db.sock --pidfile=/run/openvswitch/ovs-vswitchd.pid \
        --detach --no-chdir --log-file="$PWD/$switch_name/switch.log" -vconsole:off "$@" 5>&- 7>&-
}

# switch_kill NAME: kill -9 in the middle of its work.
switch_kill () {
    inside "$1" sh -c 'kill -9 $(cat /run/openvswitch/ovs-vswitchd.pid)
        while kill -0 $(cat /run/openvswitch/ovs-vswitchd.pid) 2>/dev/null; do sleep 0.02; done'
}

# plug HV NAME MAC [ADDRESS...]: a new place NAME with a port on HV's switch.
plug () {
    plug_hv=$1 plug_name=$2 plug_mac=$3
    shift 3
    space "$plug_name" &&
    cable "$plug_hv" "$plug_name" "$plug_mac" &&
    for plug_address in "$@"; do
        inside "$plug_name" ip address add "$plug_address" dev eth0 || return 1
    done
}

# cable HV NAME MAC [PORT]: gives place NAME its eth0, and HV's switch the port p-NAME.
cable () {
    cable_port=${4-p-$2}
    ip link add "$cable_port" netns "$(cat "$1/pid")" type veth \
        peer name eth0 address "$3" netns "$(cat "$2/pid")" &&
    quiet "$2" eth0 &&
    inside "$1" ip link set "$cable_port" up &&
    inside "$1" ovs-vsctl --timeout=20 add-port br0 "$cable_port" -- set Interface "$cable_port" \
        external_ids:iface-id="$2" "external_ids:attached-mac=\"$3\""
}

# quiet NAME INTERFACE: up, complete checksums, and nothing sent that was not asked for.
quiet () {
    inside "$1" /usr/bin/python3 -B "$abs_top_srcdir/lab/labkit/offload.py" "$2" &&
    inside "$1" sh -ec "
        echo 0 >/proc/sys/net/ipv6/conf/$2/router_solicitations
        echo 0 >/proc/sys/net/ipv6/conf/$2/accept_dad
        echo 1 >/proc/sys/net/ipv6/conf/$2/addr_gen_mode
        ip link set $2 up"
}

# work NAME ROLE [WEIGHT]: forward (a hop) or serve (answers); what it counted: counts NAME.
work () {
    if test "$2" = forward; then
        inside "$1" ip link set eth0 promisc on || return 1
    fi
    # Left to the place's first process: nsenter would stop with it, and not go on.
    inside "$1" sh -c 'log=$1; shift; "$@" </dev/null >"$log" 2>&1 &' work \
        "$PWD/$1/hop.log" "$abs_top_builddir/lab/guest/hop" "$2" eth0 $3 5>&- 7>&-
    until_true 10 inside "$1" test -s /run/counts
}

counts () {
    inside "$1" "$abs_top_builddir/lab/guest/hop" count
}

# underlay HV1 HV2: joins two switches by a wire and the tunnel port.
underlay () {
    ip link add eth0 mtu 1650 netns "$(cat "$1/pid")" type veth \
        peer name eth0 mtu 1650 netns "$(cat "$2/pid")" && uplink "$1" && uplink "$2"
}

# fabric NAME HV...: joins switches by a place NAME that bridges, as a network's switch does.
fabric () {
    fabric_name=$1
    shift
    space "$fabric_name" && inside "$fabric_name" ip link add fabric mtu 1650 type bridge &&
    inside "$fabric_name" ip link set fabric up || return 1
    for fabric_hv in "$@"; do
        join "$fabric_name" "$fabric_hv" && uplink "$fabric_hv" || return 1
    done
}

# join FABRIC NAME: gives NAME its eth0, on the fabric.
join () {
    ip link add "f-$2" mtu 1650 netns "$(cat "$1/pid")" type veth \
        peer name eth0 mtu 1650 netns "$(cat "$2/pid")" &&
    inside "$1" ip link set "f-$2" master fabric &&
    quiet "$1" "f-$2"
}

# uplink HV: its eth0 is the switch's, with the tunnel port; br0 has the tunnel's address.
uplink () {
    uplink_ip=10.90.0.$(cat "$1/number")
    quiet "$1" eth0 &&
    inside "$1" sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore' &&
    inside "$1" ovs-vsctl --timeout=20 add-port br0 eth0 -- \
        add-port br0 holdfast0 -- set Interface holdfast0 type=vxlan options:remote_ip=flow \
        options:key=flow options:dst_port=4790 options:df_default=false \
        options:local_ip="$uplink_ip" -- \
        set Interface br0 mtu_request=1650 &&
    inside "$1" ip address replace "$uplink_ip/24" dev br0 &&
    inside "$1" ip link set br0 up
}

# store HV: writes lines (see write-store.cc) into HV's store, and has the switch read it.
store () {
    write-store "$1/holdfast.db" && inside "$1" ovs-appctl holdfast/sync
}

# probe_start NAME ADDRESS [OPTION...]: a strict 1 kHz sender in NAME, until probe_end NAME.
probe_start () {
    probe_name=$1 probe_to=$2
    shift 2
    rm -f "$probe_name/end" "$probe_name/probe.json"
    inside "$probe_name" "$abs_top_builddir/lab/probe" --to "$probe_to" --json --seconds 120 \
        --until-file "$PWD/$probe_name/end" "$@" \
        </dev/null >"$probe_name/probe.json" 2>"$probe_name/probe.log" 5>&- 7>&- &
    echo $! >"$probe_name/probe.pid"
}

# probe_end NAME: ends it; the report is in NAME/probe.json.
probe_end () {
    touch "$1/end"
    wait "$(cat "$1/probe.pid")" || { cat "$1/probe.log" >&2; return 1; }
}

# probe NAME ADDRESS SECONDS: one run, whole.
probe () {
    inside "$1" "$abs_top_builddir/lab/probe" --to "$2" --json --seconds "$3" \
        </dev/null >"$1/probe.json" 5>&- 7>&-
}

# judge NAME HOP[=PLACE+PLACE]...: says what became of NAME's probe (see judge.py).
judge () {
    judge_report=$1/probe.json
    shift
    for judge_place in $(printf '%s\n' "$@" | sed 's/.*=//; s/+/ /g'); do
        counts "$judge_place" >"$judge_place/counts.json" || return 1
    done
    /usr/bin/python3 -B "$abs_top_srcdir/testsuite/judge.py" "$judge_report" "$@"
}

# tcp NAME ADDRESS: sends 300 kB to ADDRESS's echo port and compares what comes back.
tcp () {
    inside "$1" timeout 20 /usr/bin/python3 -c '
import socket, sys, threading
data = bytes(range(256)) * 1200
with socket.create_connection((sys.argv[1], 7), 5) as echo:
    threading.Thread(target=lambda: (echo.sendall(data), echo.shutdown(socket.SHUT_WR))).start()
    back = b"".join(iter(lambda: echo.recv(65536), b""))
print("echoed" if back == data else f"{len(back)} bytes came back of {len(data)}")' "$2"
}

# pings NAME ADDRESS COUNT [WAIT]: pings one after the other, each for WAIT seconds at most (10), and
# says how many were answered.
pings () {
    pings_answered=0
    for pings_number in $(seq "$3"); do
        ! inside "$1" ping -n -q -c 1 -W "${4-10}" "$2" >/dev/null || pings_answered=$((pings_answered + 1))
    done
    echo "$pings_answered answered"
}

# reset HOP...: they count from zero.
reset () {
    for reset_hop in "$@"; do
        inside "$reset_hop" "$abs_top_builddir/lab/guest/hop" reset || return 1
    done
}

# frames HOP...: how many frames each has passed on.
frames () {
    for frames_hop in "$@"; do
        counts "$frames_hop" | sed "s/.\"frames\":\([0-9]*\).*/$frames_hop \1/"
    done
}

# signal_hop NAME SIGNAL: stops a hop in its tracks (STOP), or lets it go on (CONT).
signal_hop () {
    inside "$1" pkill "-$2" -x hop
}
