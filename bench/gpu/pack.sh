#!/usr/bin/env bash
# On a machine with .NET: makes bench/gpu/app, the benchmark as it travels to a machine without .NET. libtorch is that machine's own (bench/gpu/run.sh).
#   bench/gpu/pack.sh
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
rm -rf "$here/app"
dotnet publish "$here/../Gpu" --self-contained -p:Packed=true --output "$here/app" --nologo --verbosity quiet
# Of the tokenizers' project; nothing here reads Parquet.
rm -f "$here"/app/*.pdb "$here"/app/*.xml "$here/app/ParquetSharpNative.so"
du -sh "$here/app"
