#!/bin/busybox sh
# The initial file system's init: mount the disk, unpack the payload on it, and become the init that was asked for.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
insmod /virtio_blk.ko

fail() {
    echo "lab: boot: $*"
    poweroff -f
}

wait=0
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do
    wait=$((wait + 1))
    [ $wait -lt 300 ] || fail "the disks don't appear"
    sleep 0.1
done
mount -t ext4 -o noatime /dev/vda /root || fail "the disk can't be mounted"
mkdir /root/lab
tar -x -f /dev/vdb -C /root/lab || fail "the payload can't be unpacked"

init=/lab/repository/lab/guest/init.sh
for word in $(cat /proc/cmdline); do
    case $word in
    lab.init=systemd)
        init=/lib/systemd/systemd
        cp /root/lab/repository/lab/guest/lab.service /root/etc/systemd/system/lab.service
        mkdir -p /root/etc/systemd/system/multi-user.target.wants
        ln -s ../lab.service /root/etc/systemd/system/multi-user.target.wants/lab.service
        ;;
    esac
done
umount /proc /dev
exec switch_root /root $init
