# shellcheck shell=bash disable=SC2154 # Nix gives the variables
# Links $programs of the machine whose /usr is $root. Its own links and scripts say /usr, where the sandbox has nothing.
set -euo pipefail
PATH=$root/bin

# file_of PROGRAM: what its name leads to, through all links
file_of() {
    local path target
    for path in "$root"/{bin,sbin}/"$1"; do
        [[ ! -e $path && ! -L $path ]] || break
    done
    while [[ -L $path ]]; do
        target=$(readlink "$path")
        case $target in
            /usr/*) path=$root/${target#/usr/} ;;
            /*) path=$target ;;
            *) path=$(dirname "$path")/$target ;;
        esac
    done
    echo "$path"
}

# interpreter_of FILE: of a script, where it is here; nothing for other files
interpreter_of() {
    local line
    [[ $(head -c 2 "$1" | tr -d '\0') == '#!' ]] || return 0
    read -r line <"$1"
    echo "$root/${line#*/usr/}"
}

mkdir -p "$out/bin"
for program in $programs; do
    file=$(file_of "$program")
    [[ -e $file ]] || { echo "not installed: $program" >&2 && exit 1; }
    interpreter=$(interpreter_of "$file")
    if [[ $interpreter ]]; then
        printf '#!%s/bin/bash\nexec %s %s "$@"\n' "$root" "$interpreter" "$file" >"$out/bin/$program"
        chmod +x "$out/bin/$program"
    else
        ln -s "$file" "$out/bin/$program"
    fi
done
