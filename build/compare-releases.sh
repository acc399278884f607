#!/usr/bin/env bash
# Says what differs between two releases of one commit (build/release.sh): by their contents, since an archive differs where a file in it does.
#   build/compare-releases.sh OUT1 OUT2
# Allowed to differ are four assemblies and their symbols, for which docs/log.md has the reasons ("Two builds of one commit"), and the image.
set -euo pipefail

one=${1:?"expected two folders: build/compare-releases.sh OUT1 OUT2"}
two=${2:?"expected two folders: build/compare-releases.sh OUT1 OUT2"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # RELEASE FOLDER
    mkdir "$2"
    for archive in "$1"/*; do
        name=${archive##*/}
        case $name in
        *.tar.gz) mkdir "$2/$name" && tar xzf "$archive" -C "$2/$name" ;;
        *.deb) dpkg-deb --raw-extract "$archive" "$2/$name" ;;
        # The tool has those assemblies in it.
        Slowrun.[0-9]*.nupkg) python3 -m zipfile -e "$archive" "$2/$name" ;;
        SHA256SUMS | *.container.tar) ;;
        *) cp "$archive" "$2/" ;;
        esac
    done
}
unpack "$one" "$work/1"
unpack "$two" "$work/2"

cd "$work"
differing=$(diff -rq --no-dereference 1 2 | grep -Ev '/Slowrun\.(Clustering|Grains|Silo|Web)\.(dll|pdb) ' || true)
[[ -z $differing ]] || {
    echo "$differing" >&2
    echo "compare-releases: the same commit gave other files." >&2
    exit 1
}
echo "compare-releases: the same files, but for $(diff -rq --no-dereference 1 2 | wc -l) that are known to differ."
