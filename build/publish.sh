#!/usr/bin/env bash
# Makes what is installed on machines without .NET: OUT/client (the program is 'slowrun'), OUT/silo, a .tar.gz of each with its SHA-256, the client
# as a .NET tool package, and the client library's package.
#   build/publish.sh OUT [cpu|cuda]
# SLOWRUN_VERSION and SLOWRUN_COMMIT: what 'slowrun --version' says, where these sources are no git repository (build/release.sh).
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
out=${1:?"expected a folder: build/publish.sh OUT [cpu|cuda]"}
flavor=${2:-cpu}
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "$out/client" "$out/silo"
options=(--nologo --verbosity quiet)
[[ -z ${SLOWRUN_VERSION:-} ]] || options+=("-p:Version=$SLOWRUN_VERSION")
[[ -z ${SLOWRUN_COMMIT:-} ]] || options+=("-p:SourceRevisionId=$SLOWRUN_COMMIT" -p:ContinuousIntegrationBuild=true "-p:PathMap=$root=/slowrun")

# Compiled together with .NET: otherwise each start compiles .NET's generic classes for our types, some 12,000 methods in a silo.
dotnet publish "$root/src/Client" --output "$out/client" -p:PublishReadyToRunComposite=true "${options[@]}"
dotnet publish "$root/src/Silo" --output "$out/silo" -p:PublishReadyToRunComposite=true -p:TorchFlavor="$flavor" "${options[@]}"
dotnet pack "$root/src/Client" --output "$out" "${options[@]}"
dotnet pack "$root/src/Client.Api" --output "$out" "${options[@]}"

# Times, owners, modes and order of the archives are fixed: the same folder gives the same bytes, and the hash means something.
for folder in client silo; do
    tar --sort=name --mtime='2000-01-01 00:00Z' --mode=u=rwX,go=rX --owner=0 --group=0 --numeric-owner -C "$out" -cf - "$folder" | gzip -n >"$out/slowrun-$folder-linux-x64.tar.gz"
done
cd "$out"
sha256sum slowrun-*.tar.gz Slowrun.*.nupkg >SHA256SUMS
du -sh client silo slowrun-*.tar.gz Slowrun.*.nupkg
cat SHA256SUMS
