# SPDX-License-Identifier: Apache-2.0
# First process of a client's (or the underlay's) namespaces.  Arguments: name, folder.
hostname "$1"
mount -t sysfs sysfs /sys
ip link set lo up
touch "$2/ready"
set +e
trap : TERM INT HUP
while :; do
    sleep 1000000 &
    wait $!
done
