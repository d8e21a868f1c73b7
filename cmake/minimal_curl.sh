#!/bin/sh
# minimal_curl.sh SOURCE PREFIX
#
# Builds PREFIX/lib/libcurl.a, all that a plain HTTP connection needs and no
# more: a program that only connects with it is 175 KB and starts in 2 ms; with
# the distribution's shared libcurl, its 30 libraries come along (11 MB
# resident, 7-11 ms). CC, CFLAGS and HOST (for a cross build) come from the
# environment. configure takes 10 s, make 6.

set -eu
source=$(cd "$1" && pwd)
prefix=$2
[ -x "$source/configure" ] || {
  echo "$source has no configure script: run 'autoreconf -fi' there, or give a release of curl" >&2
  exit 1
}

work=$prefix.work
rm -rf "$work" "$prefix"
mkdir -p "$work"
cd "$work"
trap 'status=$?; [ $status = 0 ] || tail -n 20 "$work"/*.log >&2; exit $status' EXIT

without() { printf -- '--without-%s ' "$@"; }
disable() { printf -- '--disable-%s ' "$@"; }
# shellcheck disable=SC2046  # words are meant to be split
"$source/configure" --quiet --prefix="$prefix" ${HOST:+--host="$HOST"} --enable-static --disable-shared --with-pic \
  $(without ssl zlib brotli zstd nghttp2 libidn2 libpsl librtmp libssh2 ca-bundle ca-path) \
  $(disable ftp file ldap ldaps rtsp dict telnet tftp pop3 imap smb smtp gopher mqtt) \
  $(disable proxy cookies http-auth netrc alt-svc hsts doh mime dateparse crypto-auth ntlm tls-srp headers-api) \
  $(disable manual libcurl-option get-easy-options progress-meter verbose debug dependency-tracking) \
  $(disable threaded-resolver unix-sockets socketpair dnsshuffle) >configure.log 2>&1
make -C lib -j"$(nproc)" install >make.log 2>&1
make -C include install >>make.log 2>&1
rm -rf "$work"
