#!/usr/bin/env bash
# Whether two releases of one commit (build/release.sh) are the same to the byte, each of their files. Where they are not, it says which file within which archive.
#   build/compare-releases.sh OUT1 OUT2
# Only the container's image is not asked for: an engine writes the time into it.
set -euo pipefail

one=${1:?"expected two folders: build/compare-releases.sh OUT1 OUT2"}
two=${2:?"expected two folders: build/compare-releases.sh OUT1 OUT2"}
for release in "$one" "$two"; do
    [[ -s $release/SHA256SUMS ]] || {
        echo "compare-releases: '$release' has no SHA256SUMS; expected a folder that build/release.sh filled." >&2
        exit 1
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

differing() { # FOLDER FOLDER
    diff -rq --no-dereference --exclude SHA256SUMS --exclude '*.container.tar' "$1" "$2" || [[ $? == 1 ]]
}

found=$(differing "$one" "$two")
[[ -n $found ]] || {
    echo "compare-releases: the same $(grep -cv '\.container\.tar$' "$one/SHA256SUMS") files to the byte."
    exit 0
}

echo "$found" >&2

unpack() { # RELEASE FOLDER
    mkdir "$2"
    for archive in "$1"/*; do
        name=${archive##*/}
        mkdir "$2/$name"
        case $name in
        *.tar.gz) tar xzf "$archive" -C "$2/$name" ;;
        *.deb) dpkg-deb --raw-extract "$archive" "$2/$name" ;;
        *.nupkg) python3 -m zipfile -e "$archive" "$2/$name" || true ;;
        *) rmdir "$2/$name" ;;
        esac
    done
}
unpack "$one" "$work/1"
unpack "$two" "$work/2"
{
    cd "$work"
    # Nothing here for an archive that differs: its contents are the same, and their order, times, modes or compression are not.
    differing 1 2
    echo "compare-releases: the same commit gave other files."
} >&2
exit 1
