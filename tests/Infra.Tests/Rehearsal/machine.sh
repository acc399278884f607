#!/bin/bash
# Boots a machine in the network namespace that this runs in: processes, mounts, name and systemd of its own, with the files of a folder.
# It ends when its systemd does, or when standard input closes.
# Usage: machine.sh FOLDER GROUP SILO DOTNET (FOLDER is the machine's: opt/, system/, units/, empty/, console, hostname)
set -euo pipefail
folder=$1 group=$2 silo=$3 dotnet=$4

# A control group of its own, in the hierarchy in which systemd keeps its services: below it no machine sees another.
mkdir -p "$folder/groups"
mount -t cgroup -o none,name=systemd slowrun "$folder/groups"
mkdir -p "$folder/groups/$group"
echo $$ >"$folder/groups/$group/cgroup.procs"

mount --bind "$silo" "$folder/opt/silo"
mount --bind "$dotnet" "$folder/opt/dotnet"

# Whoever started this is gone, however it went. Away from its output, which else would not end with the machine.
(
    cat
    kill -KILL $$
) <&0 &>/dev/null &

exec unshare --pid --fork --kill-child --mount --uts --ipc --cgroup --mount-proc bash -s "$folder" <<'INSIDE'
set -euo pipefail
folder=$1
# Systemd names the machine after this file.
mount --bind "$folder/hostname" /etc/hostname
mount --bind "$folder/system" /etc/systemd/system
mount --bind "$folder/units" /usr/lib/systemd/system
mount --bind "$folder/empty" /usr/lib/systemd/system-generators
mount --bind "$folder/console" /dev/console
mount --rbind "$folder/opt" /opt
for place in /run /tmp /var/tmp /var/cache /var/lib; do
    mount -t tmpfs -o mode=755 slowrun "$place"
done
chmod 1777 /tmp /var/tmp
mount -t tmpfs slowrun /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd slowrun /sys/fs/cgroup/systemd
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=slowrun \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
INSIDE
