# Sourced by the programs in this directory: where results are cached, and how to report progress.
# shellcheck shell=bash

guest_cache() {
    echo "${NTD_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nixos-test-driver/guest}"
}

# say WORD...: reports progress, on stderr because stdout has the result.
say() {
    echo "guest: $*" >&2
}

die() {
    say "$@"
    exit 1
}

# seconds_since EPOCHREALTIME: with one decimal. The decimal separator of EPOCHREALTIME depends on the locale.
seconds_since() {
    local tenths=$(((${EPOCHREALTIME//[!0-9]/} - ${1//[!0-9]/}) / 100000))
    echo "$((tenths / 10)).$((tenths % 10))"
}

# take_lock FILE WAITING-MESSAGE: takes a lock on descriptor 9, which is held until the program ends.
take_lock() {
    exec 9>"$1"
    flock --nonblock 9 && return
    say "$2"
    flock 9
}
