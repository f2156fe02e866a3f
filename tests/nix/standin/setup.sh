# shellcheck shell=bash disable=SC2154 # Nix gives the variables
# What a derivation of the stand-in's stdenv runs: phases, hooks, and makeWrapper, as far as the project's packages and
# the framework use them.
set -euo pipefail
shopt -s nullglob

# As the set-up hook of Python does it.
addPythonPath() {
    local folder
    for folder in "$1"/lib/python*/site-packages; do
        export PYTHONPATH=$folder${PYTHONPATH:+:$PYTHONPATH}
    done
}

addInput() {
    local input
    [[ -d $1/bin ]] && PATH=$1/bin:$PATH
    addPythonPath "$1"
    if [[ -e $1/nix-support/propagated-build-inputs ]]; then
        for input in $(<"$1/nix-support/propagated-build-inputs"); do
            addPythonPath "$input"
        done
    fi
}

# wrapProgram PROGRAM [--prefix VARIABLE SEPARATOR VALUE | --set VARIABLE VALUE | --add-flags FLAGS]...
wrapProgram() {
    local program=$1 flags='' hidden
    hidden=$(dirname "$program")/.$(basename "$program")-wrapped
    shift
    mv "$program" "$hidden"
    {
        echo "#!$(type -P bash) -e"
        while (($#)); do
            case $1 in
                --prefix) echo "export $2=${4@Q}\${$2:+${3@Q}}\${$2-}" && shift 4 ;;
                --set) echo "export $2=${3@Q}" && shift 3 ;;
                --unset) echo "unset $2" && shift 2 ;;
                --add-flags) flags+=" $2" && shift 2 ;;
                *) echo "wrapProgram: unknown option $1" >&2 && exit 1 ;;
            esac
        done
        echo "exec -a \"\$0\" $hidden$flags \"\$@\""
    } >"$program"
    chmod +x "$program"
}

# As nixpkgs does to scripts that a package installs.
patchShebangs() {
    sed -i "1s|^#!/usr/bin/\(env \)\?|#!$root/bin/|" "$@"
}

runHook() {
    eval "${!1-}"
}

# As the hooks of cmake and ninja do it, but without optimisation: the tests are about the package, not about speed.
cmakeBuild() {
    cp -r "$src" source
    chmod -R u+w source
    # shellcheck disable=SC2086 # the flags are words
    cmake -S source -B build -G Ninja -DCMAKE_INSTALL_PREFIX="$out" -DCMAKE_CXX_FLAGS=-O0 $cmakeFlags
    cd build
    ninja
    [[ -z ${doCheck-} ]] || eval "$checkPhase"
    cmake --install . >/dev/null
}

export PATH=$initialPath
for input in ${nativeBuildInputs-} ${buildInputs-} ${propagatedBuildInputs-} ${checkInputs-} ${nativeCheckInputs-}; do
    addInput "$input"
done
if [[ ${buildCommand-} ]]; then
    eval "$buildCommand"
elif [[ ${prebuilt-} ]]; then
    cp -r "$prebuilt" "$out"
    chmod -R u+w "$out"
    patchShebangs "$out/bin/generate-driver-symbols"
else
    cmakeBuild
fi
runHook postInstall
# As versionCheckHook does.
[[ -z ${doInstallCheck-} ]] || env -i "$out/bin/$pname" --version | grep -F "$version"
if [[ ${propagatedBuildInputs-} ]]; then
    mkdir -p "$out/nix-support"
    echo "$propagatedBuildInputs" >"$out/nix-support/propagated-build-inputs"
fi
