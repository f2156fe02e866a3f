# Sourced by examples/run and tests/run: prepares a machine to build the driver and to start guests.
# shellcheck shell=bash
#
#   ntd_packages PACKAGE...          installs missing packages (names as in Debian and Ubuntu)
#   ntd_build_packages               what the build needs
#   ntd_guest_packages               what the Debian guests and their networks need
#   ntd_test_packages                what the tests need in addition
#   ntd_vsock_packages               what the SSH backdoor and its tests need in addition
#   ntd_nix_packages                 what the tests inside Nix builds need in addition
#   ntd_build PRESET [ARGUMENT...]   configures and builds; the arguments go to cmake
#
# If there is nothing to do, they print nothing and return at once.

ntd_root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

ntd_say() {
    echo "setup: $*" >&2
}

ntd_is_debian_like() {
    type -P apt-get dpkg-query >/dev/null
}

ntd_build_packages() {
    ntd_packages cmake ninja-build g++ python3-dev pybind11-dev libfmt-dev libspdlog-dev libcli11-dev \
        nlohmann-json3-dev libpugixml-dev
}

ntd_guest_packages() {
    local packages=(mmdebstrap debian-archive-keyring e2fsprogs cpio qemu-system-x86 qemu-utils vde2 python3
        iproute2 systemd-container)
    # Without root, the guest's root file system is made in a user namespace.
    ((EUID == 0)) || packages+=(fakeroot uidmap)
    ntd_packages "${packages[@]}"
}

ntd_test_packages() {
    ntd_packages libgtest-dev libgmock-dev libbenchmark-dev python3-pytest python3-numpy mypy pyflakes3 tmux socat netcat-openbsd \
        chromium clang clang-tidy-14 libclang-rt-dev tshark x11-apps x11vnc xdotool xvfb ptpython ipython3 zsh fish fonts-dejavu-core imagemagick ovmf tesseract-ocr tesseract-ocr-eng
}

# Debian has vhost-device-vsock from release 14 on. The package also works on release 12.
ntd_vsock_packages() {
    ntd_packages openssh-client || return
    if type -P vhost-device-vsock >/dev/null; then
        return
    elif ! ntd_is_debian_like || apt-cache show vhost-device-vsock >/dev/null 2>&1; then
        ntd_packages vhost-device-vsock
    elif ! ntd_install_from_sid vhost-device-vsock; then
        ntd_say "without vhost-device-vsock there is no SSH backdoor, and its tests are skipped"
    fi
}

ntd_nix_packages() {
    ntd_packages nix-bin iproute2 openssh-client libwrap0
    ntd_unpack_sshd
}

# Extracts only the program: installing the package would start an SSH server.
ntd_unpack_sshd() {
    local unpacked=$ntd_root/build/unpacked work
    if [[ -x $unpacked/usr/sbin/sshd ]] || PATH=$PATH:/usr/sbin type -P sshd >/dev/null; then return; fi
    if ! ntd_is_debian_like; then
        ntd_check_tools openssh-server
        return
    fi
    ntd_say "unpacking openssh-server"
    work=$(mktemp -d)
    (
        cd "$work" || exit
        ntd_quietly apt-get download -q openssh-server ||
            { ntd_apt_update && ntd_quietly apt-get download -q openssh-server; }
        mkdir -p "$unpacked"
        dpkg-deb --extract openssh-server_*.deb "$unpacked"
    )
    rm -rf "$work"
}

ntd_packages() {
    if ntd_is_debian_like; then
        ntd_install_missing "$@"
    else
        ntd_check_tools "$@"
    fi
}

ntd_install_missing() {
    local missing=()
    mapfile -t missing < <(ntd_missing_packages "$@")
    ((${#missing[@]})) || return 0
    ntd_may_install "${missing[@]}" || return
    ntd_say "installing ${missing[*]}"
    ntd_apt_update && ntd_apt_install "${missing[@]}"
}

ntd_may_install() {
    if ((EUID == 0)) || type -P sudo >/dev/null; then return; fi
    ntd_say "please install, as root: apt-get install $*"
    return 1
}

# A fresh machine may be running its own updates. apt waits for the lock to install, but not for the lock on the package
# lists.
ntd_busy_limit=600

ntd_apt_install() {
    ntd_as_root env DEBIAN_FRONTEND=noninteractive apt-get -o "DPkg::Lock::Timeout=$ntd_busy_limit" \
        install -q -y --no-install-recommends "$@"
}

ntd_apt_update() {
    local log status end=$((SECONDS + ntd_busy_limit)) said=
    log=$(mktemp)
    while status=0 && ! ntd_as_root apt-get update -q >"$log" 2>&1; do
        status=1
        if ((SECONDS >= end)) || ! grep -q 'Could not get lock' "$log"; then break; fi
        [[ $said ]] || ntd_say "the package manager is busy: waiting up to $((ntd_busy_limit / 60)) minutes"
        said=yes
        sleep 2
    done
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# ntd_install_from_sid PACKAGE: installs one package of Debian's development release, from the mirror that this machine
# uses. apt sees that release only with a separate state directory, so that no other package ever comes from there.
ntd_install_from_sid() {
    local work status=0
    ntd_may_install "$1" || return
    ntd_say "installing $1 from Debian sid"
    work=$(mktemp -d)
    ntd_fetch_from_sid "$1" "$work" && ntd_apt_install "$work/$1"_*.deb || status=$?
    ntd_as_root rm -rf "$work"
    return "$status"
}

ntd_fetch_from_sid() {
    local mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg apt
    ntd_apt_update || return
    # shellcheck disable=SC2016 # these variables are apt's
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' | sed -n 's/ Debian Debian$//p' | head -n 1)
    if [[ -z $mirror ]]; then
        ntd_say "this release has no $1, and no mirror of Debian is configured"
        return 1
    fi
    mkdir -p "$2"/{lists,cache/archives}/partial
    echo "deb [signed-by=$keys] $mirror sid main" >"$2/sources.list"
    apt=(apt-get -q -o "Dir::Etc::SourceList=$2/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$2/lists" -o "Dir::Cache=$2/cache" -o APT::Sandbox::User=root)
    ntd_as_root "${apt[@]}" update && (cd "$2" && ntd_as_root "${apt[@]}" download "$1")
}

ntd_as_root() {
    if ((EUID != 0)); then set -- sudo "$@"; fi
    ntd_quietly "$@"
}

ntd_missing_packages() {
    local installed package
    # An error only means that dpkg does not know one of the packages.
    installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for package; do
        [[ $'\n'$installed$'\n' == *$'\n'"installed $package"$'\n'* ]] || echo "$package"
    done
}

# Other distributions name packages differently, so this only looks for programs. cmake checks the libraries.
ntd_check_tools() {
    local package tool missing=()
    for package; do
        tool=$(ntd_tool_of "$package")
        [[ -z $tool ]] || type -P "$tool" >/dev/null || missing+=("$tool")
    done
    ((${#missing[@]})) || return 0
    ntd_say "this is neither Debian nor Ubuntu, please install these programs: ${missing[*]}"
    return 1
}

ntd_tool_of() {
    case $1 in
        fonts-* | lib* | *-dev | *-eng | *-keyring | ovmf | python3-*) ;;
        e2fsprogs) echo mkfs.ext4 ;;
        g++) echo c++ ;;
        imagemagick) echo convert ;;
        iproute2) echo ip ;;
        ninja-build) echo ninja ;;
        nix-bin) echo nix-build ;;
        openssh-client) echo ssh ;;
        openssh-server) echo sshd ;;
        pyflakes3) echo pyflakes ;;
        qemu-system-x86) echo qemu-system-x86_64 ;;
        qemu-utils) echo qemu-img ;;
        iproute2) echo ip ;;
        systemd-container) echo systemd-nspawn ;;
        tesseract-ocr) echo tesseract ;;
        uidmap) echo newuidmap ;;
        vde2) echo vde_switch ;;
        x11-apps) echo xwd ;;
        xvfb) echo Xvfb ;;
        *) echo "$1" ;;
    esac
}

# Shows the command's output only if it fails.
ntd_quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

ntd_build() {
    local preset=$1
    shift
    (
        cd "$ntd_root" || exit
        ntd_configure "$preset" "$@" && ntd_compile "$preset"
    )
}

# Configures once, and again only if other arguments are given (no arguments: as configured before). The build itself
# notices changed CMake files.
ntd_configure() {
    local preset=$1 stamp=build/$1/.configured-with
    shift
    if [[ -e build/$preset/build.ninja ]]; then
        if (($# == 0)) || [[ -e $stamp && $(<"$stamp") == "$*" ]]; then return; fi
    fi
    ntd_say "configuring build/$preset"
    local python=()
    mapfile -t python < <(ntd_python_argument "$@")
    ntd_quietly cmake --preset "$preset" "${python[@]}" "$@" && echo "$*" >"$stamp"
}

# python3-dev belongs to Debian's own Python. Another Python that is first in PATH has other headers, or none.
ntd_python_argument() {
    [[ "$*" != *Python3_* && -z ${Python3_ROOT_DIR:-} ]] || return 0
    if ntd_is_debian_like && [[ -x /usr/bin/python3 ]]; then echo -DPython3_EXECUTABLE=/usr/bin/python3; fi
}

ntd_compile() {
    cmake --build --preset "$1" | { grep --line-buffered -v '^ninja: no work to do\.$' || true; } >&2
}
