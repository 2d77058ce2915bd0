# SPDX-License-Identifier: Apache-2.0
#
# A balanced world, sourced by balancer.at after world.sh.
#
# Two switches joined by a trunk and a tunnel; a router between the VLANs, whose reverse-path filter
# is strict on the clients' side and the director's; client c1 outside (VLAN 40), director lb in
# VLAN 10 on hv1; servers s1 on hv1 and s2 on hv2 in VLAN 20, s3 on hv2 in VLAN 30.

# in_vlan HV NAME VLAN MAC ADDRESS: plugged into an access port, with a way out by the router.
in_vlan () {
    plug "$1" "$2" "$4" "$5/24" &&
    inside "$1" ovs-vsctl --timeout=20 set Port "p-$2" tag="$3" &&
    inside "$2" ip route add default via "10.0.$3.1"
}

# router: a port in each VLAN, all on hv1.
router () {
    space gw || return 1
    for vlan in 10 20 30 40; do
        ip link add r-$vlan netns "$(cat hv1/pid)" type veth peer name v$vlan netns "$(cat gw/pid)" &&
        quiet gw v$vlan && inside hv1 ip link set r-$vlan up &&
        inside hv1 ovs-vsctl --timeout=20 add-port br0 r-$vlan tag=$vlan &&
        inside gw ip address add 10.0.$vlan.1/24 dev v$vlan || return 1
    done
    inside gw sh -ec 'echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
        for vlan in 10 40; do echo 1 >/proc/sys/net/ipv4/conf/v$vlan/rp_filter; done
        for vlan in 20 30; do echo 0 >/proc/sys/net/ipv4/conf/v$vlan/rp_filter; done'
}

# may_come_back: the gateway takes clients' packets from the director's VLAN, too, as the routed way
# needs it.
may_come_back () {
    inside gw sh -c 'echo 0 >/proc/sys/net/ipv4/conf/v10/rp_filter'
}

# gateway_is MAC: hv1's switch has learned it.
gateway_is () {
    inside hv1 ovs-appctl holdfast/status | grep -F "\"mac\":\"$1\""
}

# gateway_silently MAC: the router's MAC address in VLAN 10 is another, and it does not say so.
gateway_silently () {
    inside gw ip link set v10 address "$1" &&
    inside gw ip neighbour replace 10.0.10.5 lladdr 52:54:00:00:00:05 nud permanent dev v10
}

# problems: what is wrong, by hv1's switch.
problems () {
    inside hv1 ovs-appctl holdfast/status | /usr/bin/python3 -B -c '
import json, sys
print(*json.load(sys.stdin)["problems"], sep="\n", end="\n")'
}

# seen_of_directors: what hv1's switch has seen of them.
seen_of_directors () {
    inside hv1 ovs-appctl holdfast/directors | /usr/bin/python3 -B -c '
import json, sys
for one in json.load(sys.stdin)["directors"]:
    print(one["vm"], "uses", " ".join(server["mac"] for server in one["servers"]) or "no server", end=", astray: ")
    print(" ".join(stray["vip"] for stray in one["strays"]) or "none")'
}

# director: lb sends on what is for a VIP as it is, by a hash of addresses and ports, to a server's
# MAC address; the router leads VIPs to it.
director () {
    in_vlan hv1 lb 10 52:54:00:00:00:05 10.0.10.5 &&
    inside lb sh -ec 'echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
        echo 0 >/proc/sys/net/ipv4/conf/eth0/send_redirects
        echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy' &&
    inside gw ip route add 10.0.10.96/29 via 10.0.10.5
}

# direct VIP SERVER...: the director leads it to these.
direct () {
    direct_vip=$1 direct_hops= direct_bits=32
    case $1 in *:*) direct_bits=128 ;; esac
    shift
    for server in "$@"; do
        direct_hops="$direct_hops nexthop via $server dev eth0 onlink"
    done
    inside lb ip route replace "$direct_vip/$direct_bits" $direct_hops
}

# balance LINE...: both stores have these rows (write-store.cc).
balance () {
    for balance_hv in hv1 hv2; do
        printf '%s\n' "$@" | store $balance_hv >/dev/null || return 1
    done
}

# balanced: all of it, without a balancer yet.
balanced () {
    hypervisor hv1 1 && hypervisor hv2 2 && underlay hv1 hv2 && router && director &&
    in_vlan hv1 c1 40 52:54:00:00:00:01 10.0.40.2 &&
    in_vlan hv1 s1 20 52:54:00:00:00:11 10.0.20.11 &&
    in_vlan hv2 s2 20 52:54:00:00:00:12 10.0.20.12 &&
    in_vlan hv2 s3 30 52:54:00:00:00:13 10.0.30.11 &&
    { echo self hv1 1 10.90.0.1 br0; echo hv hv2 2 10.90.0.2; } | store hv1 &&
    { echo self hv2 2 10.90.0.2 br0; echo hv hv1 1 10.90.0.1; } | store hv2 &&
    balance 'vm c1 0x1001 hv1 52:54:00:00:00:01 running 10.0.40.2' \
        'vm lb 0x1005 hv1 52:54:00:00:00:05 running 10.0.10.5' \
        'vm s1 0x1011 hv1 52:54:00:00:00:11 running 10.0.20.11' \
        'vm s2 0x2012 hv2 52:54:00:00:00:12 running 10.0.20.12' \
        'vm s3 0x2013 hv2 52:54:00:00:00:13 running 10.0.30.11'
}

# balanced6: the same places have IPv6 addresses besides, fdVLAN::LAST; VIPs are fd10::100 and on.
balanced6 () {
    for balanced6_vlan in 10 20 30 40; do
        address6 gw v$balanced6_vlan fd$balanced6_vlan::1 || return 1
    done
    inside gw sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding' &&
    in_vlan6 lb 10 5 && in_vlan6 c1 40 2 && in_vlan6 s1 20 11 && in_vlan6 s2 20 12 &&
    in_vlan6 s3 30 11 &&
    inside lb sh -ec 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        echo 1 >/proc/sys/net/ipv6/fib_multipath_hash_policy' &&
    inside gw ip route add fd10::100/124 via fd10::5 &&
    balance 'vm c1 0x1001 hv1 52:54:00:00:00:01 running 10.0.40.2,fd40::2' \
        'vm lb 0x1005 hv1 52:54:00:00:00:05 running 10.0.10.5,fd10::5 protect' \
        'vm s1 0x1011 hv1 52:54:00:00:00:11 running 10.0.20.11,fd20::11' \
        'vm s2 0x2012 hv2 52:54:00:00:00:12 running 10.0.20.12,fd20::12' \
        'vm s3 0x2013 hv2 52:54:00:00:00:13 running 10.0.30.11,fd30::11'
}

# address6 NAME INTERFACE ADDRESS: and a link-local one, which a router's questions come from.
address6 () {
    inside "$1" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$2/addr_gen_mode" &&
    inside "$1" ip address add "$3/64" dev "$2" nodad
}

in_vlan6 () {
    address6 "$1" eth0 "fd$2::$3" && inside "$1" ip route add default via "fd$2::1"
}

# serve NAME PORT: answers each connection and each datagram with its name and who asked.
serve () {
    inside "$1" /usr/bin/python3 -B "$abs_top_srcdir/testsuite/name-server.py" "$1" "$2" \
        </dev/null >"$1/serve.log" 2>&1 5>&- 7>&- &
    until_true 10 inside "$1" sh -c "ss -Hltn sport = $2 | grep -q ."
}

# ask NAME ADDRESS PORT COUNT [udp [SIZE]]: by NAME: how many each server answered.
ask () {
    ask_name=$1
    shift
    inside "$ask_name" /usr/bin/python3 -B "$abs_top_srcdir/testsuite/name-client.py" "$@"
}

# web KEY=VALUE...: the built-in director's balancer, with the servers of directed_servers.
web () {
    balance "balancer web 10.0.10.100 80 tcp builtin ${directed_servers:-$(servers_of 1 1 1)} vip_mac=ae:48:0a:00:0a:64 $*"
}

# servers_of WEIGHT[=LIMIT[=STATE]] for s1, s2, s3, as write-store has servers.
servers_of () {
    echo "10.0.20.11=8080=ae:48:0a:00:14:0b=$1,10.0.20.12=80=ae:48:0a:00:14:0c=$2,10.0.30.11=80=ae:48:0a:00:1e:0b=$3"
}

# weigh WEIGHT[=LIMIT[=STATE]]...: the same for s1, s2, s3 of a wrr balancer.
weigh () {
    directed_servers=$(servers_of "$@")
    web policy=wrr
}

# counted ADDRESS: what the switches count of that server of web, both together.
counted () {
    for counted_hv in hv1 hv2; do
        inside $counted_hv ovs-appctl holdfast/balancers
    done | /usr/bin/python3 -B -c '
import json, sys
servers = [server for line in sys.stdin for balancer in json.loads(line)["balancers"]
           for server in balancer["servers"] if server["address"] == sys.argv[1]]
print(sum(one["connections"] for one in servers), "connections,",
      sum(one["active"] for one in servers), "active")' "$1"
}

# router_is_vms HV: the router's port in VLAN 10, which is HV's, is that of a VM: HV's switch directs
# what comes by it, and no other does.
router_is_vms () {
    inside "$1" ovs-vsctl --timeout=20 set Interface r-10 external_ids:iface-id=gw \
        "external_ids:attached-mac=\"$(inside gw cat /sys/class/net/v10/address)\""
}

# router_moves: that port is plugged in at hv2, and hv1 never had it.
router_moves () {
    inside hv1 ovs-vsctl --timeout=20 del-port br0 r-10 &&
    nsenter -t "$(cat hv1/pid)" -n ip link set r-10 netns "$(cat hv2/pid)" && inside hv2 ip link set r-10 up &&
    inside hv2 ovs-vsctl --timeout=20 add-port br0 r-10 tag=10 && router_is_vms hv2
}
