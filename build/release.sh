#!/usr/bin/env bash
# Makes everything that is released, from a commit and nothing else:
#   slowrun-client-linux-x64.tar.gz, slowrun-silo-linux-x64.tar.gz   programs that need no .NET
#   slowrun_VERSION_amd64.deb                                        both, with unit, manual pages and completion
#   Slowrun.VERSION.nupkg                                            the client as a .NET tool
#   Slowrun.Client.Api.VERSION.nupkg                                 the library for programs in C#
#   slowrun-client.cdx.json, slowrun-silo.cdx.json                   which packages are in them (CycloneDX)
#   slowrun-silo.container.tar                                       the image, where a container engine runs
#   SHA256SUMS
# Two builds of one commit, wherever and whenever, give the same files, but for the image (build/compare-releases.sh).
#   build/release.sh OUT [VERSION] [cpu|cuda]
# VERSION: as 0.2.0 or 0.2.0-rc.1; default: the tag of this commit, v0.2.0.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
out=${1:?"expected a folder: build/release.sh OUT [VERSION] [cpu|cuda]"}
version=${2:-}
flavor=${3:-cpu}

fail() {
    echo "release: $1" >&2
    exit 1
}

command -v git >/dev/null || fail "'git' is missing: a release is made of a commit."
commit=$(git -C "$root" rev-parse HEAD) || fail "$root is no git repository: a release is made of a commit."
if [[ -z $version ]]; then
    tag=$(git -C "$root" describe --tags --exact-match --match 'v[0-9]*' HEAD 2>/dev/null) ||
        fail "commit ${commit:0:12} has no tag v…, and no version was given: build/release.sh OUT VERSION."
    version=${tag#v}
fi
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "'$version' is no version; expected one as 0.2.0 or 0.2.0-rc.1."
[[ $flavor == cpu || $flavor == cuda ]] || fail "'$flavor' is no flavour; expected cpu or cuda."
[[ -z $(git -C "$root" status --porcelain --untracked-files=no) ]] || echo "release: changes that are not committed are not in it." >&2
for program in dotnet:'the .NET 10 SDK' dpkg-deb:dpkg gzip:gzip; do
    command -v "${program%%:*}" >/dev/null || fail "'${program%%:*}' is missing: install ${program#*:}."
done

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "$out"/slowrun* "$out"/Slowrun.*.nupkg "$out/SHA256SUMS"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What is in the commit, and not what lies around; at another place, which leaves the working tree's lock files and outputs alone.
source=$work/source
mkdir "$source" "$work/tmp"
git -C "$root" archive "$commit" | tar x -C "$source"
SOURCE_DATE_EPOCH=$(git -C "$root" show --no-patch --format=%ct "$commit")
export SOURCE_DATE_EPOCH SLOWRUN_VERSION=$version SLOWRUN_COMMIT=$commit DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# No process of a build outlives it, and no folder: each 'dotnet' command leaves two empty ones.
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false TMPDIR=$work/tmp

echo "release: programs of $version (commit ${commit:0:12}, $flavor)"
"$source/build/publish.sh" "$work/published" "$flavor" >"$work/log" || {
    tail -n 20 "$work/log" >&2
    fail "the programs could not be built."
}
cp "$work"/published/*.tar.gz "$work"/published/*.nupkg "$out"

echo "release: Debian package"
tree=$work/deb
mkdir -p "$tree"/DEBIAN "$tree"/usr/{bin,lib/slowrun,share/man/man1,share/doc/slowrun} "$tree"/etc/slowrun "$tree"/lib/systemd/system \
    "$tree"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
cp -r "$work"/published/{client,silo} "$tree/usr/lib/slowrun"
ln -s ../lib/slowrun/client/slowrun "$tree/usr/bin/slowrun"
slowrun=$tree/usr/bin/slowrun
"$slowrun" reference --man "$tree/usr/share/man/man1" --date "$(date --utc --date "@$SOURCE_DATE_EPOCH" +%F)"
gzip -9n "$tree"/usr/share/man/man1/*.1
"$slowrun" completion bash >"$tree/usr/share/bash-completion/completions/slowrun"
"$slowrun" completion zsh >"$tree/usr/share/zsh/vendor-completions/_slowrun"
"$slowrun" completion fish >"$tree/usr/share/fish/vendor_completions.d/slowrun.fish"
"$source/build/debian/unit" "$source/infra/machine/slowrun-silo.service" >"$tree/lib/systemd/system/slowrun-silo.service"
cp "$source/build/debian/silo.env" "$tree/etc/slowrun/silo.env"
cp "$source/LICENSE" "$tree/usr/share/doc/slowrun/copyright"
gzip -9nc "$source/CHANGELOG.md" >"$tree/usr/share/doc/slowrun/changelog.gz"
echo /etc/slowrun/silo.env >"$tree/DEBIAN/conffiles"
# Debian sorts 0.2.0~rc.1 before 0.2.0, as it is meant.
debian=${version/-/\~}
# As Debian's policy counts it, and not the file system: a folder or link is 1 KiB.
size=$(find "$tree" -mindepth 1 -path "$tree/DEBIAN" -prune -o -printf '%y %s\n' | awk '{ kib += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print kib }')
sed -e "s/@VERSION@/$debian/" -e "s/@SIZE@/$size/" \
    "$source/build/debian/control" >"$tree/DEBIAN/control"
chmod -R u=rwX,go=rX "$tree"
chmod 640 "$tree/etc/slowrun/silo.env"
find "$tree" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zgzip -z6 --build "$tree" "$out/slowrun_${debian}_amd64.deb" >/dev/null

echo "release: bills of materials"
(
    cd "$source"
    dotnet tool restore >/dev/null
    for program in client silo; do
        project=src/${program^}/Slowrun.${program^}.csproj
        dotnet CycloneDX "$project" --output "$out" --filename "slowrun-$program.cdx.json" --output-format Json --no-serial-number \
            --set-name "slowrun-$program" --set-version "$version" --disable-package-restore >>"$work/log" 2>&1 || {
            tail -n 20 "$work/log" >&2
            fail "the packages of $project could not be listed."
        }
    done
)
# The tool writes when it ran.
sed -i "s/\"timestamp\": *\"[^\"]*\"/\"timestamp\": \"$(date --utc --date "@$SOURCE_DATE_EPOCH" +%FT%TZ)\"/" "$out"/*.cdx.json

if docker info >/dev/null 2>&1; then
    echo "release: container image"
    docker build --file "$source/infra/containers/Dockerfile" --tag "slowrun-silo:$version" "$source"
    docker save "slowrun-silo:$version" --output "$out/slowrun-silo.container.tar"
else
    echo "release: no container image was made: no engine answers 'docker info'."
fi

cd "$out"
sha256sum slowrun* Slowrun.*.nupkg >SHA256SUMS
du -h slowrun* Slowrun.*.nupkg
cat SHA256SUMS
