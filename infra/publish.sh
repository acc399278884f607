#!/usr/bin/env bash
# Publishes the silo with its runtime and libtorch as one archive, and tells its SHA-256 and how to bring it into the container.
# Usage: infra/publish.sh [cpu|cuda]   (default: cuda)
set -euo pipefail

flavor=${1:-cuda}
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
folder=$root/artifacts/fleet/$flavor
archive=$root/artifacts/fleet/slowrun-silo-$flavor.tar.gz

rm -rf "$folder"
dotnet publish "$root/src/Silo" -c Release --self-contained -p:TorchFlavor="$flavor" -p:DebugType=none -o "$folder" --nologo -v quiet >&2
# The same files give the same archive: names in order, no times, nobody's account. Libraries of GPUs hardly shrink; quick is better than small.
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$folder" . | gzip -1 -n >"$archive"
sha256sum "$archive" | cut -d ' ' -f 1 >"$archive.sha256"

cat >&2 <<TEXT
$archive ($(du -h "$archive" | cut -f 1))
Upload it with
  az storage blob upload --auth-mode login --account-name ACCOUNT --container-name slowrun --name software/slowrun-silo.tar.gz --file $archive
and give the template as packageSha256 (main.bicepparam reads it from SLOWRUN_PACKAGE_SHA256):
TEXT
cat "$archive.sha256"
