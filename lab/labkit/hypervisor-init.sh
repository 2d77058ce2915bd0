# SPDX-License-Identifier: Apache-2.0
# First process of a hypervisor's namespaces: gives it files of its own, then only reaps.
# Arguments: name, folder of its files, folder of the lab (seen at the same place inside).
name=$1
folder=$2
lab=$3

hostname "$name"
umount -R -l /sys
mount -t sysfs sysfs /sys
# A folder of its own in each control group (of version 1): libvirt's containers are in there, and two
# hypervisors' can have one name.
mount -t tmpfs tmpfs /sys/fs/cgroup
for group in cpu cpuacct memory devices freezer blkio name=systemd; do
    at=/sys/fs/cgroup/${group#name=}
    mkdir "$at"
    if mount -t cgroup -o "$(test "$group" = "${group#name=}" || echo none,)$group" cgroup "$at"; then
        mkdir -p "$at/$(echo "$folder" | tr / -)"
        mount --bind "$at/$(echo "$folder" | tr / -)" "$at"
    else
        rmdir "$at"
    fi
done
mount --bind "$folder/etc" /etc
mount --bind "$folder/var-lib" /var/lib
mount --bind "$folder/var-log" /var/log
if [ -d /var/cache/libvirt ]; then
    mount --bind "$folder/var-cache-libvirt" /var/cache/libvirt
fi
mkdir -p "$folder$lab"
mount --bind "$lab" "$folder$lab"
mount --rbind "$folder/run" /run
ip link set lo up
# The uplink is the switch's: the kernel must not answer there for the bridge's address, too.
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
touch "$folder/ready"
set +e
trap : TERM INT HUP
while :; do
    sleep 1000000 &
    wait $!
done
