# Sourced by the programs beside it: where results are kept, and how to speak to the person who waits.
# shellcheck shell=bash

guest_cache() {
    echo "${NTD_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nixos-test-driver/guest}"
}

# say WORD...: progress, on stderr because stdout is the result.
say() {
    echo "guest: $*" >&2
}

die() {
    say "$@"
    exit 1
}

# seconds_since EPOCHREALTIME: with one decimal. The locale decides which separator the variable has.
seconds_since() {
    local tenths=$(((${EPOCHREALTIME//[!0-9]/} - ${1//[!0-9]/}) / 100000))
    echo "$((tenths / 10)).$((tenths % 10))"
}

# take_lock FILE WAITING-MESSAGE: held on descriptor 9 until the program ends.
take_lock() {
    exec 9>"$1"
    flock --nonblock 9 && return
    say "$2"
    flock 9
}
