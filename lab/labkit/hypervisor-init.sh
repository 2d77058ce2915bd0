# SPDX-License-Identifier: Apache-2.0
# First process of a hypervisor's namespaces: gives it files of its own, then only reaps.
# Arguments: name, folder of its files, folder of the lab (seen at the same place inside); it gives
# itself a fourth.
name=$1
folder=$2
lab=$3
groups="cpu cpuacct memory devices freezer blkio name=systemd"

# mount_group GROUP FOLDER: a control group of version 1.
mount_group () {
    mount -t cgroup -o "$(test "$1" = "${1#name=}" || echo none,)$1" cgroup "$2"
}

# A folder of its own in each control group, which is all that it sees of them: libvirt's containers are
# in there, and two hypervisors' can have one name.
if [ -z "$4" ]; then
    for group in $groups; do
        if mount_group "$group" /mnt; then
            mkdir -p "/mnt/$(echo "$folder" | tr / -)"
            echo $$ >"/mnt/$(echo "$folder" | tr / -)/cgroup.procs"
            umount /mnt
        fi
    done
    exec unshare --cgroup /bin/sh -e "$0" "$name" "$folder" "$lab" inside
fi

hostname "$name"
umount -R -l /sys
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /sys/fs/cgroup
for group in $groups; do
    at=/sys/fs/cgroup/${group#name=}
    mkdir "$at"
    mount_group "$group" "$at" || rmdir "$at"
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
