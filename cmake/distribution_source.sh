#!/bin/sh
# distribution_source.sh DIRECTORY PACKAGE...
#
# Unpacks source packages of this distribution, its security patches applied,
# as DIRECTORY/PACKAGE. apt checks the signatures as it does for everything
# else; it works on lists and caches of its own under DIRECTORY, so the
# machine's are neither needed nor touched, and no root is asked for.

set -eu
directory=$1
shift

fail() {
  echo "$*" >&2
  exit 1
}
command -v apt-get >/dev/null || fail "there is no apt-get here to get the sources of $* with"
command -v dpkg-source >/dev/null || fail "dpkg-source is missing: apt-get install dpkg-dev"

apt=$directory/apt
rm -rf "$apt"
mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"

# The machine's own entries (mirror, keyring, options), of the distribution
# itself only and turned into deb-src: one-line files and deb822 stanzas.
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$file" ] || continue
  awk -v codename="$codename" '
    $1 == "deb" && $0 ~ "[ ]" codename "(-updates|-security)?[ ].*(main|universe)" { $1 = "deb-src"; print }' "$file"
done >"$apt/sources/one-line.list"
for file in /etc/apt/sources.list.d/*.sources; do
  [ -f "$file" ] || continue
  awk -v codename="$codename" '
    BEGIN { RS = ""; ORS = "\n\n" }
    $0 ~ "Suites:[^\n]*[ ]" codename && /Components:[^\n]*(main|universe)/ && !/Enabled: *no/ {
      gsub(/Types:[^\n]*/, "Types: deb-src")
      print
    }' "$file"
done >"$apt/sources/stanzas.sources"
[ -s "$apt/sources/one-line.list" ] || [ -s "$apt/sources/stanzas.sources" ] ||
  fail "no entry for $codename in /etc/apt/sources.list or /etc/apt/sources.list.d to get sources from"

apt_get() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists" \
    -o Dir::Cache="$apt/cache" -o APT::Sandbox::User= "$@"
}
apt_get update
cd "$apt"
apt_get source "$@" >/dev/null

for package; do
  rm -rf "$directory/$package"
  mv "$apt/$package"-[0-9]*/ "$directory/$package"
done
# Patches to configure.ac and Makefile.am leave the generated files behind in
# time, and make would run autoconf and automake again. None of those patches
# concerns what we build: dating the generated files anew spares the tools.
for generated in aclocal.m4 configure Makefile.in '*config.h.in'; do
  find "$directory" -path "$apt" -prune -o -name "$generated" -exec touch {} +
done
rm -rf "$apt"
