#!/usr/bin/env bash
# Writes the stubs in pb/ from the .proto files. Needs protoc, protoc-gen-go 1.36.12 and protoc-gen-go-grpc 1.6.2.
set -euo pipefail
cd "$(dirname "$0")"
protos=${PROTOS:-../../protos}
mapping=()
for name in common directory participants transfers; do
    for plugin in go go-grpc; do
        mapping+=("--${plugin}_opt=Mcodepix/v1/$name.proto=codepix.example/bank/pb")
    done
done
mkdir -p pb
${PROTOC:-protoc} --proto_path="$protos" --go_out=. --go-grpc_out=. \
    --go_opt=module=codepix.example/bank --go-grpc_opt=module=codepix.example/bank "${mapping[@]}" \
    codepix/v1/{common,directory,participants,transfers}.proto
