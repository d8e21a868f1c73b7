# Debian 12 with what it takes to build functions: for machines whose glibc or
# compiler is newer than what runs on Amazon Linux 2023, or that are no Linux.
#
# The project brings Mayfly along, by add_subdirectory() or FetchContent.
#
#   docker build -f docker/build.Dockerfile -t mayfly-build docker
#   docker run --rm -v "$PWD:/work" -w /work mayfly-build \
#     sh -c 'cmake -B build -G Ninja -DCMAKE_BUILD_TYPE=Release && cmake --build build --target package_hello'

ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ cmake ninja-build make dpkg-dev zip git ca-certificates \
 && rm -rf /var/lib/apt/lists/*
