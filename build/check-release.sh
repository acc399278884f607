#!/usr/bin/env bash
# Installs what build/release.sh made in a clean Debian (debootstrap, as root), as a user would, and trains a small run with it.
#   build/check-release.sh OUT [MIRROR]
# Ends with "N passed, N failed".
set -uo pipefail

out=$(cd "${1:?"expected the folder that build/release.sh filled: build/check-release.sh OUT [MIRROR]"}" && pwd) || exit
mirror=${2:-}
if [[ ! -s $out/SHA256SUMS ]]; then
    echo "check-release: '$out' has no SHA256SUMS; expected a folder that build/release.sh filled." >&2
    exit 1
fi
if ((EUID != 0)) || ! command -v debootstrap >/dev/null; then
    echo "check-release: needs root and debootstrap (apt-get install debootstrap)." >&2
    exit 1
fi
work=$(mktemp -d)
clean=$work/clean
finish() {
    umount --lazy "$clean/proc" "$clean/dev" 2>/dev/null
    rm -rf --one-file-system "$work"
}
trap finish EXIT

echo "check-release: a clean Debian 12"
# The mirror of this machine's own Debian, if it is one, and not what else it installs from.
mirror=${mirror:-$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -m 1 '/debian/*$')}
debootstrap --variant=minbase bookworm "$clean" ${mirror:+"$mirror"} >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    echo "check-release: debootstrap failed." >&2
    exit 1
}
mount --bind /dev "$clean/dev" && mount -t proc proc "$clean/proc" || exit
# This machine's way to its package sources, a proxy's certificates included.
cp -rL /etc/apt/apt.conf.d/. "$clean/etc/apt/apt.conf.d/" 2>/dev/null
cp /etc/resolv.conf "$clean/etc/resolv.conf" 2>/dev/null
mkdir "$clean/release"
cp "$out"/* "$clean/release/"

passed=0
failed=0
within() { chroot "$clean" /usr/bin/env -i HOME=/tmp LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
check() {
    local about=$1
    shift
    if within "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "passed: $about"
    else
        failed=$((failed + 1))
        echo "FAILED: $about"
        tail -n 20 "$work/log" | sed 's/^/    /'
    fi
}
sh() { check "$1" /bin/bash -euo pipefail -c "$2"; }

sh "the hashes are right" 'cd /release && sha256sum --check SHA256SUMS'
sh "the Debian package installs with what it depends on" 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends /release/*.deb'
sh "slowrun says its version and commit" "slowrun --version | grep -E '^slowrun $(sed -n 's/^.*  slowrun_\(.*\)_amd64.deb$/\1/p' "$out/SHA256SUMS" | tr '~' '-') \(commit [0-9a-f]{12}\)$'"
sh "each command has a manual page" 'slowrun --help --verbose >/dev/null; for c in run silo status chaos; do test -s /usr/share/man/man1/slowrun-$c.1.gz; done'
sh "the unit is there, and its store is not" 'test -s /lib/systemd/system/slowrun-silo.service && ! grep -q "^SLOWRUN_STORE" /etc/slowrun/silo.env'
# The text of the SDK is not here: any other does.
cat "$clean"/usr/share/common-licenses/GPL-{1,2,3} >"$clean/release/text"
# Long enough to be killed while it trains.
run='run micro --text /release/text --set stage.epochs=40'
sh "a run trains, and status says so" "cd /tmp && slowrun $run --store a && slowrun status micro --store a | grep Succeeded"
# The silo is killed too: it is of the job's process group.
sh "killed in its midst it makes the same bytes" "cd /tmp && set -m && { slowrun $run --store b & }
    until slowrun status micro --store b -o json | grep -E '\"durableStep\": *[1-9]' >/dev/null; do kill -0 \$!; done
    kill -9 -- -\$!
    if slowrun status micro --store b | grep Succeeded; then exit 1; fi
    slowrun $run --store b && slowrun export micro --store a --out wa && slowrun export micro --store b --out wb && diff -r wa wb"
sh "the package is removed without a trace but its settings" 'apt-get remove -y -q slowrun && ! test -e /usr/bin/slowrun && ! test -e /usr/lib/slowrun && test -e /etc/slowrun/silo.env'
sh "the archives run from any folder" 'mkdir -p /opt/slowrun && for a in client silo; do tar xzf /release/slowrun-$a-linux-x64.tar.gz -C /opt/slowrun; done; cd /tmp && /opt/slowrun/client/slowrun '"$run"' --store c &&
    /opt/slowrun/client/slowrun export micro --store c --out wc && diff -r wa wc'

echo "$passed passed, $failed failed"
((failed == 0))
