# SPDX-License-Identifier: Apache-2.0
#
# Real hypervisors and guests (lab/lab), for move.at and fault.at.  lab_members are the hypervisors.
#
# Sourced by a test.  The lab has a folder of its own for each test, named by the test's
# folder, so that one that is left over is found and ended when the test is run again.

LAB_BUILD=$abs_top_builddir
LAB_STATE=/run/holdfast-test-$(pwd | cksum | cut -d ' ' -f 1)
export LAB_BUILD LAB_STATE
PATH=$PATH:$abs_top_srcdir/lab/guest:$abs_top_builddir/lab/guest # `count` and `hop`, for clients.

lab () {
    "$abs_top_srcdir/lab/lab" "$@"
}

# lab_end: ends the lab, and keeps its logs in the test's folder.
lab_end () {
    for lab_log in "$LAB_STATE"/hv*/var-log; do
        test ! -d "$lab_log" || cp -r "$lab_log" "$(basename "$(dirname "$lab_log")")-log"
    done
    cp "$LAB_STATE"/guest/*.console . 2>/dev/null
    lab down >/dev/null
    rm -f "$LAB_STATE.lock" # Nobody else uses this test's lab.
}

# on HV COMMAND...: runs it there.
on () {
    lab in "$@"
}

# until_true SECONDS COMMAND...: waits until it succeeds.
until_true () {
    until_end=$(( $(date +%s) + $1 ))
    shift
    until "$@" >until.log 2>&1; do
        test "$(date +%s)" -lt "$until_end" || { echo "not within its time: $*" >&2; cat until.log >&2; return 1; }
        sleep 0.1
    done
}

# stand_still, go_on: both daemons; what is asked meanwhile is done by what each knew before.
stand_still () {
    on hv1 pkill -STOP -x holdfast-hookd && on hv2 pkill -STOP -x holdfast-hookd
}

go_on () {
    on hv1 pkill -CONT -x holdfast-hookd & go_on_one=$!
    on hv2 pkill -CONT -x holdfast-hookd && wait $go_on_one
}

# asking HV COUNT: so many of its commands wait for an answer.
asking () {
    test "$(on "$1" pgrep -c -x holdfast)" = "$2"
}

# at_once COMMAND COMMAND: holdfast is asked for the first at hv1 and for the second at hv2 at one
# instant.  What was refused is printed; succeeds if the first was done.
at_once () {
    stand_still || return 1
    on hv1 holdfast $1 >at_once.one 2>&1 & at_once_one=$!
    on hv2 holdfast $2 >at_once.two 2>&1 & at_once_two=$!
    for at_once_hv in hv1 hv2; do
        until asking $at_once_hv 1; do
            test -d /proc/$at_once_one && test -d /proc/$at_once_two || return 1
        done
    done
    go_on || return 1
    wait $at_once_one; at_once_code=$?
    # One that stood still for too long has lost the fleet: then there was no race.
    wait $at_once_two || test $at_once_code -eq 0 || grep -q 'cannot be reached' at_once.one at_once.two || {
        cat at_once.one at_once.two
        return 1
    }
    sed -n '/cannot be reached/d; s/^holdfast: //p' at_once.one at_once.two
    return $at_once_code
}

# guests [OPTION...]: fw (with these options) and web, ids, and the client c1, started side by
# side; then the chain web-chain through fw and ids.
#
#     hv1: c1 (10.0.0.1), fw        hv2: ids, web (10.0.0.20)
guests () {
    lab vm fw --on hv1 --role forward "$@" & guests_fw=$!
    lab vm ids --on hv2 --role forward & guests_ids=$!
    lab vm web --on hv2 --ip 10.0.0.20/24 & guests_web=$!
    lab client c1 --on hv1 --ip 10.0.0.1/24 &&
    wait $guests_fw && wait $guests_ids && wait $guests_web &&
    chain_add web-chain --match ip,nw_dst=10.0.0.20 --via fw,ids --symmetric
}

# chain_add NAME OPTION...: at hv1; waits until all hypervisors have it ready.
chain_add () {
    on hv1 holdfast chain add "$@" || return 1
    for chain_add_hv in $lab_members; do until_true 20 chain_ready "$chain_add_hv" "$1" || return 1; done
}

chain_ready () {
    on "$1" holdfast chain show "$2" --json | grep -q '"state": *"ready"' && on "$1" holdfast chain check >/dev/null
}

# path NAME HV: the hops as HV has them, e.g. fw@hv1 ids@hv2.
path () {
    on "$2" holdfast chain show "$1" --json | /usr/bin/python3 -c '
import json, sys
hops = json.load(sys.stdin)["paths"][0]["hops"]
print(" ".join(hop["vm"] + "@" + hop["hypervisor"] for hop in hops))'
}

# path_is NAME "HOPS": all hypervisors agree that the path is this.
path_is () {
    for path_is_hv in $lab_members; do test "$(path "$1" "$path_is_hv")" = "$2" || return 1; done
}

# shown HV KIND NAME TEXT: this is in what HV shows of it.
shown () {
    on "$1" holdfast "$2" show "$3" --json | grep -q "$4"
}

# told HV TEXT: HV's status says so.
told () {
    on "$1" holdfast status --json | grep -q "$2"
}

# settled: no move is under way, the flows are the intended ones, nothing is wrong.
settled () {
    for settled_hv in $lab_members; do
        on $settled_hv holdfast chain check &&
        on $settled_hv holdfast status --json | /usr/bin/python3 -c '
import json, sys
status = json.load(sys.stdin)
print(status["moves"], status["problems"])
sys.exit(bool(status["moves"] or status["problems"]))' || return 1
    done
}

# probe_start [ADDRESS]: c1 sends 1 kHz, until probe_end; returns when hops have seen some of it.
probe_start () {
    on web count reset
    probe_from c1 c1 "${1-10.0.0.20}"
    until_true 15 probed web 1
}

# probe_from CLIENT NAME ADDRESS [OPTION...]: the client sends 1 kHz, until probe_end NAME.
probe_from () {
    probe_from=$1 probe_name=$2 probe_to=$3
    shift 3
    mkdir -p "$probe_name"
    rm -f "$probe_name/end"
    on "$probe_from" "$abs_top_builddir/lab/probe" --to "$probe_to" --json --seconds 240 --drain 2500 \
        --until-file "$PWD/$probe_name/end" "$@" </dev/null >"$probe_name/probe.json" 2>"$probe_name/probe.log" 5>&- 7>&- &
    echo $! >"$probe_name/probe.pid"
}

# probed NAME N: it has seen some of N probes.
probed () {
    test "$(on "$1" count | sed 's/.*"runs"//' | grep -o '"request":{"frames":[0-9]*,"probe_distinct":[1-9][0-9][0-9]' | wc -l)" -ge "$2"
}

# probe_end [NAME...]: ends them (c1); the reports are NAME/probe.json.
probe_end () {
    # What comes after the event counts too.
    sleep 1
    for probe_name in "${@:-c1}"; do touch "$probe_name/end"; done
    for probe_name in "${@:-c1}"; do
        wait "$(cat "$probe_name/probe.pid")" || { cat "$probe_name/probe.log"; return 1; }
    done
}

# judge N HOP...: what became of c1's probe, of which guests may have lost N packets (judge.py).
judge () {
    judge_probe c1 "$@"
}

# judge_probe NAME N HOP...: the same of another probe.
judge_probe () {
    judge_name=$1 judge_allowed=$2
    shift 2
    for judge_hop in "$@"; do
        mkdir -p "$judge_hop"
        on "$judge_hop" count >"$judge_hop/counts.json" || return 1
    done
    /usr/bin/python3 -B "$abs_top_srcdir/testsuite/judge.py" "$judge_name/probe.json" --allow "$judge_allowed" "$@"
}

# moved VM FROM TO [OPTION...]: moves it by hand, as anyone would.
moved () {
    moved_vm=$1 moved_from=$2 moved_to=$3
    shift 3
    on "$moved_from" virsh -q migrate --live "$@" "$moved_vm" "qemu+tcp://$moved_to/system"
}

# post_copied VM FROM TO: moves it by post-copy, and early: it runs there for some time before all
# of its memory is there.  No longer than the next guest's tap (1000 frames) can take at once of what
# waits meanwhile, which this one hands on when it is awake.
post_copied () {
    moved "$@" --postcopy --bandwidth 2 --postcopy-bandwidth 100 & post_copied_pid=$!
    until_true 20 copies "$1" "$2" && on "$2" virsh -q migrate-postcopy "$1" &&
    wait $post_copied_pid
}

# copies VM HV: its migration from there has copied some of its memory.
copies () {
    on "$2" virsh domjobinfo "$1" | grep -q 'Memory processed: *[1-9]'
}

# claims_web HOP: it tells everybody once that web's address is its own.
claims_web () {
    on "$1" 'ip address add 10.0.0.20/32 dev lo; arping -q -U -c 1 -I eth0 -s 10.0.0.20 10.0.0.20
        ip address del 10.0.0.20/32 dev lo'
}

# forged_are HV "DROPPED IP MAC": so many frames with another's address were dropped there, had an IP, a MAC one.
forged_are () {
    test "$(on "$1" ovs-appctl holdfast/status |
        sed 's/.*"forged":{"dropped":\([0-9]*\),"ip":\([0-9]*\),"mac":\([0-9]*\)}.*/\1 \2 \3/')" = "$2"
}

# takes_for_web VM: c1 does so.
takes_for_web () {
    on c1 ip neighbour show 10.0.0.20 | grep -q "$(on "$1" cat /sys/class/net/eth0/address)"
}

# three_guests: clients whose hypervisor hv3 is neither source nor destination when others move between
# hv1 and hv2, and what chains are to lead through ids:
#
#     hv1: web (10.0.0.20, 10.0.0.21, fd00::20; no guest)
#     hv2: ids; in VLAN 10 trunk (10.1.0.20), by tags of its own, and plain (10.1.0.30), by its port's
#     hv3: c1 (10.0.0.1, fd00::1), c2 (10.1.0.1, in VLAN 10 by its port), fw
#
# fw adds 1 to the type of service, ids 4 (stream.py).
three_guests () {
    for guest in 'fw hv3 --role forward' 'ids hv2 --role forward' 'trunk hv2' \
        'plain hv2 --vlan 10 --ip 10.1.0.30/24'; do
        set -- $guest
        guest_name=$1 guest_hv=$2
        shift 2
        lab vm "$guest_name" --on "$guest_hv" "$@" >"$guest_name.log" 2>&1 &
    done
    lab client c1 --on hv3 --ip 10.0.0.1/24 && lab client c2 --on hv3 --ip 10.1.0.1/24 --vlan 10 &&
    lab client web --on hv1 --ip 10.0.0.20/24 &&
    on c1 ip address add fd00::1/64 dev eth0 nodad && on web ip address add fd00::20/64 dev eth0 nodad &&
    on web ip address add 10.0.0.21/24 dev eth0 && serves web || return 1
    wait
    on fw 'killall hop; hop forward eth0 1 >/dev/null 2>&1 &' &&
    on ids 'killall hop; hop forward eth0 4 >/dev/null 2>&1 &' &&
    in_vlan trunk 10 10.1.0.20/24 && on plain true
}

# in_vlan VM VLAN A/P: it has this address there, by tags of its own.  It is promiscuous, since QEMU 7.2
# forgets in a migration which VLANs its guest has asked for.
in_vlan () {
    on "$1" "for module in llc stp garp mrp 8021q; do insmod /modules/\$module.ko; done
        ip link add link eth0 name vlan type vlan id $2 && ip link set eth0 promisc on &&
        ip link set vlan up && ip address add $3 dev vlan"
}

# chains_of_each_kind: four for web's IPv4 address 10.0.0.20, six for its IPv6 one, tagged for trunk,
# shared for 10.0.0.21 with a group.
chains_of_each_kind () {
    chain_add four --match ip,nw_dst=10.0.0.20 --via fw,ids --symmetric &&
    chain_add six --match ipv6,ipv6_dst=fd00::20 --via ids --symmetric &&
    chain_add tagged --match ip,nw_dst=10.1.0.20 --via ids --symmetric --priority 1001 &&
    chain_add shared --match udp,nw_dst=10.0.0.21 --via 'fw|ids' --priority 1002
}

# serves CLIENT: it answers probes, as a guest of that role does.
serves () {
    on "$1" mount -t tmpfs tmpfs /run &&
    on "$1" sh -c 'hop serve eth0 </dev/null >/dev/null 2>&1 &'
}

# ovn_guests: c1 and web (no guest) of guests, on OVN's switch; fw and ids on its bridge.
ovn_guests () {
    lab ovn start || return 1
    lab vm fw --on hv1 --role forward --bridge br-int & guests_fw=$!
    lab vm ids --on hv2 --role forward --bridge br-int & guests_ids=$!
    lab client c1 --on hv1 --ip 10.0.0.1/24 --bridge br-int &&
    lab client web --on hv2 --ip 10.0.0.20/24 --bridge br-int &&
    lab ovn port c1 && lab ovn port web && serves web &&
    wait $guests_fw && wait $guests_ids
}

# ovn_flows: OVN's own ones on both hypervisors, without its zones of connection tracking (registers 11 to
# 13), which it numbers anew when its controller starts.
ovn_flows () {
    for ovn_flows_hv in $lab_members; do
        on $ovn_flows_hv ovs-ofctl --no-stats dump-flows br-int |
            sed 's/cookie=[^,]*,//; s/load:[^-]*->NXM_NX_REG1[123]//g' | sort
    done
}

# ovn_flows_are FILE: as they were.
ovn_flows_are () {
    ovn_flows | diff "$1" -
}

# leads_to HV VM: where HV's flows lead what is for VM, or comes from it: tunnels' ends, or `port`.
leads_to () {
    leads_to_vm=$(on "$1" holdfast vm show "$2" --json | /usr/bin/python3 -c '
import json, sys
vm = json.load(sys.stdin)
print(vm["ports"][0]["mac"], format(vm["label"], "#x"))')
    on "$1" ovs-appctl holdfast/flows | grep -e "dl_[sd][rs][ct]=${leads_to_vm% *}" -e "reg0=${leads_to_vm#* }[, ]" |
        sed -n 's/.*set_field:\(10[.0-9]*\)->tun_dst.*/\1/p; t; s/.*output:.*/port/p' | sort -u
}

# streams_start, streams_end: c1 sends 40 streams to 10.0.0.21, 1000 datagrams a second in all.
streams_start () {
    rm -f sent.end received.end
    on web /usr/bin/python3 -B "$abs_top_srcdir/testsuite/stream.py" receive 40 "$PWD/received.end" \
        </dev/null >received.json 2>receive.log 5>&- 7>&- &
    streams_receiver=$!
    until_true 10 grep -q ready received.json || return 1
    on c1 /usr/bin/python3 -B "$abs_top_srcdir/testsuite/stream.py" send 10.0.0.21 40 "$PWD/sent.end" \
        </dev/null >sent.json 2>send.log 5>&- 7>&- &
    streams_sender=$!
}

streams_end () {
    touch sent.end && wait $streams_sender && touch received.end && wait $streams_receiver
}

# disk_of VM HV: the file of its disk there.
disk_of () {
    echo "$LAB_STATE/$2/var-lib/libvirt/images/$1.raw"
}

# timeline HV VM: the newest move of VM, as HV tells it: who, its end, the order of its steps.
timeline () {
    on "$1" holdfast events --move --vm "$2" --json | /usr/bin/python3 -B "$abs_top_srcdir/testsuite/timeline.py"
}

# staged_at HV: a move to HV is under way, and its path is in place there.
staged_at () {
    on "$1" holdfast events --move --vm ids --json | /usr/bin/python3 -c '
import json, sys
move = json.load(sys.stdin)[-1]
done = {mark["what"] for mark in move["marks"]}
sys.exit(not (move["outcome"] == "under way" and {"staged", "armed"} <= done))'
}

# balanced_guests [OPTION...]: a router between VLANs 10 (the director's), 20 and 30 (the servers') and 40, where
# client c1 is; lb, a director with IPVS, on hv1; s1 (with these options) on hv1, s2 and s3 on hv2,
# which serve HTTP.
# The director has the VIP 10.0.10.100.
balanced_guests () {
    lab router gw --on hv1 --vlan 20:10.0.20.1/24 30:10.0.30.1/24 \
        --strict 10:10.0.10.1/24 40:10.0.40.1/24 &&
    lab client c1 --on hv1 --ip 10.0.40.2/24 --vlan 40 --gateway 10.0.40.1 || return 1
    lab vm lb --on hv1 --role director --ip 10.0.10.5/24 --vlan 10 --gateway 10.0.10.1 & guests_lb=$!
    lab vm s1 --on hv1 --role serve --ip 10.0.20.11/24 --vlan 20 --gateway 10.0.20.1 \
        "$@" & guests_s1=$!
    lab vm s2 --on hv2 --role serve --ip 10.0.20.12/24 --vlan 20 --gateway 10.0.20.1 & guests_s2=$!
    lab vm s3 --on hv2 --role serve --ip 10.0.30.11/24 --vlan 30 --gateway 10.0.30.1 & guests_s3=$!
    wait $guests_lb && wait $guests_s1 && wait $guests_s2 && wait $guests_s3 &&
    on lb ip address add 10.0.10.100/32 dev eth0
}

# routed: gives the director the routes that `holdfast balancer` names.
routed () {
    on hv1 holdfast balancer show web --json | /usr/bin/python3 -c '
import json, sys
print("; ".join(json.load(sys.stdin)["routes"]).replace("DEV", "eth0"))' >routes
    on lb "$(cat routes)"
}

# scheduler NAME SERVER=WEIGHT...: IPVS's own, anew, with these servers in this order.
scheduler () {
    scheduler_rules="ipvsadm -C; ipvsadm -A -t 10.0.10.100:80 -s $1"
    shift
    for scheduler_server in "$@"; do
        scheduler_rules="$scheduler_rules; ipvsadm -a -t 10.0.10.100:80 -r ${scheduler_server%=*}:80 -g -w ${scheduler_server#*=}"
    done
    on lb "$scheduler_rules"
}

# gets ADDRESS COUNT: c1 asks so often, one after the other: who answered.  Each time from another port:
# IPVS gives one that it has seen in the last two minutes the server that it had.
gets () {
    gets_port=$(cat gets-port 2>/dev/null || echo 20000)
    echo $((gets_port + $2)) >gets-port
    on c1 sh -c 'for i in $(seq $2); do
        curl -s --max-time 10 --local-port $(($3 + i)) "http://$1/" || echo none
    done | tr "\n" " "' gets "$1" "$2" "$gets_port" | sed 's/ $//'
}

# two_directors: the same world with directors lb1 on hv1 and lb2 on hv2, servers s1 and s2.
two_directors () {
    lab router gw --on hv1 --vlan 20:10.0.20.1/24 --strict 10:10.0.10.1/24 40:10.0.40.1/24 &&
    lab client c1 --on hv1 --ip 10.0.40.2/24 --vlan 40 --gateway 10.0.40.1 || return 1
    for guest in lb1:hv1:10.0.10.5:10:director lb2:hv2:10.0.10.6:10:director \
        s1:hv1:10.0.20.11:20:serve s2:hv2:10.0.20.12:20:serve; do
        IFS=: read -r guest_name guest_hv guest_ip guest_vlan guest_role <<END
$guest
END
        lab vm "$guest_name" --on "$guest_hv" --role "$guest_role" --ip "$guest_ip/24" \
            --vlan "$guest_vlan" --gateway "10.0.$guest_vlan.1" >"$guest_name.log" 2>&1 &
    done
    wait
    for guest in lb1 lb2 s1 s2; do on $guest true || return 1; done
}

# director_up NAME: its IPVS has the VIP and both servers, and takes up connections of the other.  The
# address last: before, its own kernel would end what comes for it.
director_up () {
    on "$1" 'echo 1 >/proc/sys/net/ipv4/vs/sloppy_tcp
        for server in 10.0.20.11 10.0.20.12; do ip route replace $server/32 dev eth0 scope link; done
        ipvsadm -A -t 10.0.10.100:7 -s mh -b mh-port
        for server in 10.0.20.11 10.0.20.12; do ipvsadm -a -t 10.0.10.100:7 -r $server:7 -g; done
        ip address add 10.0.10.100/32 dev lo'
}

# claims DIRECTOR: says that the VIP is its own (RFC 5227), and the router believes it.
claims () {
    on "$1" 'arping -q -U -c 1 -I eth0 -s 10.0.10.100 10.0.10.100; cat /sys/class/net/eth0/address' >"$1.mac"
    on gw ip neighbour show 10.0.10.100 | grep -q "$(grep -o '..:..:..:..:..:..' "$1.mac")"
}

# keepalived_up: directs web in lb, and asks each server for its page, each second.
keepalived_up () {
    keepalived_servers=
    for keepalived_server in 10.0.20.11 10.0.20.12 10.0.30.11; do
        keepalived_servers="$keepalived_servers
  real_server $keepalived_server 80 {
    HTTP_GET {
      url {
        path /
        status_code 200
      }
      connect_timeout 5
      retry 1
      delay_before_retry 1
    }
  }"
    done
    on lb "cat >/tmp/keepalived.conf <<END
virtual_server 10.0.10.100 80 {
  delay_loop 1
  lb_algo rr
  lb_kind DR
  protocol TCP$keepalived_servers
}
END
keepalived -C -n -l -f /tmp/keepalived.conf >/tmp/keepalived.log 2>&1 &"
}

# directs_to COUNT: so many servers are in lb's IPVS.
directs_to () {
    test "$(on lb "ipvsadm -Ln | grep -c ' Route '")" = "$1"
}

# routes_are HV WORD: what it says of the routes of web's director.
routes_are () {
    test "$(on "$1" holdfast balancer show web --json | /usr/bin/python3 -c '
import json, sys
print(*(one["routes"] for one in json.load(sys.stdin)["directors_seen"]))')" = "$2"
}

# servers_are HV EXPRESSION: by what it says of web's servers (servers-are.py).
servers_are () {
    on "$1" holdfast balancer show web --json |
        /usr/bin/python3 -B "$abs_top_srcdir/testsuite/servers-are.py" "$2"
}

# spread_over DIRECTOR...: the router leads the VIP to these, by addresses and ports.
spread_over () {
    spread_hops=
    for director in "$@"; do spread_hops="$spread_hops nexthop via $director"; done
    on gw sh -c "echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy; ip route replace 10.0.10.100/32 $spread_hops"
}

# alike POLICY COUNT WEIGHT...: IPVS and the built-in director choose alike for servers s1, s2, s3 of
# these weights, connection by connection; prints what they chose if not.  Each time with VIPs of its
# own: IPVS goes on with the counts of a server that it had for the same VIP.
alike () {
    alike_n=$((${alike_n-110} + 2)) alike_policy=$1 alike_count=$2
    alike_theirs=10.0.10.$alike_n alike_ours=10.0.10.$((alike_n + 1))
    on lb "ip address add $alike_theirs/32 dev eth0; ipvsadm -A -t $alike_theirs:80 -s $1
        ipvsadm -a -t $alike_theirs:80 -r 10.0.20.11:80 -g -w $3
        ipvsadm -a -t $alike_theirs:80 -r 10.0.20.12:80 -g -w $4
        ipvsadm -a -t $alike_theirs:80 -r 10.0.30.11:80 -g -w $5" &&
    on hv1 holdfast balancer add "theirs-$1" --vip "$alike_theirs:80/tcp" --director external:lb \
        --server 10.0.20.11 --server 10.0.20.12 --server 10.0.30.11 >/dev/null &&
    on hv1 holdfast balancer add "own-$1" --vip "$alike_ours:80/tcp" --director builtin --policy "$1" \
        --server "10.0.20.11,weight=$3" --server "10.0.20.12,weight=$4" \
        --server "10.0.30.11,weight=$5" >/dev/null &&
    until_true 10 on hv2 holdfast balancer show "own-$alike_policy" >/dev/null &&
    on hv2 ovs-appctl holdfast/sync >/dev/null || return 1
    alike_theirs=$(gets "$alike_theirs" "$alike_count") alike_ours=$(gets "$alike_ours" "$alike_count")
    if [ "$alike_theirs" = "$alike_ours" ]; then
        echo "$alike_policy alike: $alike_ours" >&2
    else
        echo "$alike_policy: IPVS $alike_theirs, ours $alike_ours"
    fi
}

# controller_start: an operator's OpenFlow controller for all bridges, on hv1 (controller.py).
controller_start () {
    on hv1 sh -c 'osken-manager --ofp-listen-host 10.91.0.1 --ofp-tcp-listen-port 6653 "$1" \
        </dev/null >/var/log/controller.log 2>&1 &
        echo $! >/run/controller.pid' controller "$abs_top_srcdir/testsuite/controller.py"
}

# controlled: it is connected to each bridge.
controlled () {
    for controlled_hv in $lab_members; do
        test "$(on "$controlled_hv" ovs-vsctl get controller br0 is_connected)" = true &&
        on "$controlled_hv" ovs-ofctl dump-flows br0 | grep -q actions=CONTROLLER || return 1
    done
}

# by_controller HV FROM TO: so many packets from one place's address to the other's went by its flow there.
by_controller () {
    by_controller_pair=dl_src=$(on "$2" cat /sys/class/net/eth0/address)
    by_controller_pair=$by_controller_pair,dl_dst=$(on "$3" cat /sys/class/net/eth0/address)
    on "$1" ovs-ofctl dump-flows br0 "$by_controller_pair" | sed -n 's/.*n_packets=\([0-9]*\),.*NORMAL/\1/p'
}
